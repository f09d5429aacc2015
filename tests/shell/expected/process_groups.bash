143
User defined signal 1
group
5
1
leader
status 0
