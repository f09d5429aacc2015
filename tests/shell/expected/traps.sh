caught USR1
after
in subshell
subshell ends
survived
child survives too
no
0
bye
status 7
