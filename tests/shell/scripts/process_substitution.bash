diff <(seq 1 5) <(seq 1 2 5); echo $?
paste <(echo a; echo b) <(echo 1; echo 2)
while read -r x; do last=$x; done < <(seq 1 100); echo "$last"
echo through > >(tr a-z A-Z > upper); while ! [ -s upper ]; do sleep 0.01; done; cat upper
cat <(cat <(cat <(echo nested)))
