   42|42   |00042|ff|FF|10|a|str
3.142 1.234568e+04 0.0001
a-b
c-d
e-
tab	here
A
   ab|ab   |ab|%
31
15
65
a	b
c
no newline
no newline at the endstatus 0
