0
text
text
to stderr
dup
1
moved
here
both
more
status 0
