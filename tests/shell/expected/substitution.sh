a b c
back tick
[x]
split these words
1  0
13893
status 0
