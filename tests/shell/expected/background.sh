job 3
status 3
1 2 3 4 5 6 7 8 
all 0
127
early
late
status 0
