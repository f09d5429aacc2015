2024 05 17 error
0 42
1
2
bbb
0
status 0
