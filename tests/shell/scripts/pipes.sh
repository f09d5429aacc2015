seq 1 200 | grep 7 | wc -l
seq 1 5 | sort -r | tr '\n' ' ' | sed 's/ $/./'
echo
echo one | { read word; echo "read $word"; } | cat | cat | cat | cat
yes line | head -n 3
seq 1 20000 | tail -n 1 | cat -
