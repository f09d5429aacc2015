34
level 25
202
255
status 0
