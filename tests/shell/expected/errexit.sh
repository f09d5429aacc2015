1
or
on
9
in f
1
1
pipe
1
2
status 0
