hello world from world $name
hello $name $(no) \$name
tabs are gone
  but blanks stay
first
second
DEPIP
status 0
