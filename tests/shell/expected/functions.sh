3628800
inside 2 a b c
3 outside changed
redefined
127
status 0
