5 5
b c
[x:][y:][z
]
at 1
at 3
4
status 0
