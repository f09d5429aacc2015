printf 'one two three\nback\\slash\nlast' > input
while read -r a b || [ -n "$a" ]; do echo "[$a][$b]"; done < input
while read a; do echo "$a"; done < input
echo 'x:y::z' | (IFS=: read a b c d; echo "$a|$b|$c|$d")
printf 'a\\\nb\n' | (read x; echo "$x")
printf '  lead and trail  \n' | (IFS= read -r x; echo "[$x]")
read eof < /dev/null; echo $?
