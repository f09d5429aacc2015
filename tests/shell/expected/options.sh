flag a
b=value
flag c
rest: x y
flag a
flag c
b=value
rest: 
missing b
rest: 
unknown z
rest: -a
status 0
