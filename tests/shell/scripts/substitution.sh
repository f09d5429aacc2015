inner=$(echo "a $(echo "b $(echo c)")")
echo "$inner"
echo `echo back \`echo tick\``
lines=$(printf 'x\n\n\n')
echo "[$lines]"
echo $(printf 'split  these\n words')
echo "${#lines} $(false) $?"
size=$(seq 1 3000 | wc -c)
echo "$size"
