0
Terminated
143
Killed
137
6
both
0
status 0
