38
5 4 3 2 1.
read one
line
line
line
20000
status 0
