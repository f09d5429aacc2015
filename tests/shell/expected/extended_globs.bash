a.c b.c c.h
c.h d.txt e script x
a.c
e

a.c b.c x/y/deep.c
[trim]
none*
1
match
status 0
