HELLO
ABC
0
status 0
