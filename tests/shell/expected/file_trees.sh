1
2 2 regular file
0
copy:
hard
one

moved:
c
soft
two

moved/c:
../one
1
script
0
file_trees.sh
status 0
