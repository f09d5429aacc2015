one
two
out
err
1
three
./script: line 5: dup2(3,1): Bad file descriptor
1
written
./script: line 7: can't create file: File exists
1
yes
./script: line 8: can't open absent: no such file
1
swap
status 0
