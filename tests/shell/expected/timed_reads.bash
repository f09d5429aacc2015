1
0 late
abc
up to
4
3
0
0
status 0
