1) apple
2) pear
3) quit
? got apple 1
? got nothing 9
? got quit 3
b
6

5
status 0
