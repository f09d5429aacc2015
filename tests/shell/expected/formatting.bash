007-z
a\ b\'c
$'new\nline'
''
plain
197
A\u00E9 'quoted'
'007-z' 007-Z
    1|2    |
status 0
