0 3 1
4
141 0
1
2 0
value
status 0
