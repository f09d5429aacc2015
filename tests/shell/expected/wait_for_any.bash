2
1
127
0
10
1 usr1
over
status 0
