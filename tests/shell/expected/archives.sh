in/
in/numbers
in/sub/
in/sub/link
in/sub/text
0
text
640
a5a208cd26b07cadade3450fe14d1d93  -
in/sub/text
status 0
