143
group
5
1
leader
status 0
