t
t/a.c
t/b.h
t/u
t/u/c.c
t/u/v
t/u/v/d.c
t/u/with space.c
4
t/u/v/d.c
a.c
b.h
c.c
d.c
with space.c
found t/b.h
1 2 3 4
5 6 7 8
9 10
t/b.h
0
0
status 0
