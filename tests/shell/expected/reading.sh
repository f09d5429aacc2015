[one][two three]
[back\slash][]
[last][]
one two three
backslash
x|y||z
ab
[  lead and trail  ]
1
status 0
