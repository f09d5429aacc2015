p
sent 1
sent 2
sent 3
THROUGH
echo hello
status 0
