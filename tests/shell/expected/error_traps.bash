error 1 at 2
in f
error 8 at 5
error 6 at 4
in f
error 8 at 6
debug x=1
debug trap - DEBUG
in g
returned
leaving 9
status 9
