a b a  b $x $x
a  b
quoted "text"
it's say "hi" a b back\slash tab	in
onetwo
a'b
c"d
alias works
status 0
