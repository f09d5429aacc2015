2 /
5 1 /tmp
44
deep
kept
Killed
137
status 0
