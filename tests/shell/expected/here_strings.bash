one line
2
TWO WORDS
left|right side

tab	and
newline
[1]
[2]
[3]
status 0
