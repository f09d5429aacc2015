0022
640
750
700
-rwsr-xr-x
drwxr-x--T
u=rwx,g=rx,o=rx
600
0022
0
-r--------
12 34
status 0
