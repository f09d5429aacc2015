replaced
two three
inherited
inherited
127
script arg
1
no header arg
1
last
status 12
