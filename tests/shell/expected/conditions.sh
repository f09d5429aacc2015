and
or
not
1
0
0
0
0
0
0
2
0
1
status 0
