usr/lib/file.tar.gz file.tar.gz /usr/lib/file.tar /usr/lib/file 20
a b  d e |
assigned assigned
is empty
0
* /usr/lib/
lib /usr/bin/file.tar.gz :usr:lib:file.tar.gz
status 0
