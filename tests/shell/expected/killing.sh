Terminated
143
Killed
137
Segmentation fault
139
got hup
3
0
1
Terminated
143
KILL
TERM
status 0
