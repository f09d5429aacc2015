a1 a2 b1 b2 c1 c2 1 2 3 4 5 5 3 1 a b c d e 01 02 03 xz xyz a bd cd {no,no} {single}
tree tree/doc tree/doc/a tree/doc/b tree/src tree/src/a tree/src/b 
brace_expansion.bash
{a,b}
status 0
