sourced 1 arg
4 from_file
sourced 0 
0
lib2 f
1
from pipe
evaluated
function
keyword
builtin
cd
function
status 0
