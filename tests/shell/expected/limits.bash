64
./script: redirection error: cannot duplicate fd: Too many open files
./script: line 1: /dev/null: Too many open files
refused 19
0
32
64
status 0
