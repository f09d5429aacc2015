[1]-  Running       
[2]+  Running       
3
143
foreground
0
own group
status 0
