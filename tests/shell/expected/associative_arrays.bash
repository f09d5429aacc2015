one
three words
two
1x 3 3 unset
0
1
3 1
status 0
