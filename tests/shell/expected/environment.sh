exported unset
once
not
only unset
A=exported
unset
2
with
newline
has path
/
status 0
