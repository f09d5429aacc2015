1
3
4
until 1
until 2
until 3
a1
b1
out
line 1
line 2
line 3
status 0
