cat <<< "one line"; x='two words'; wc -w <<< $x; tr a-z A-Z <<< "$x"
read -r a b <<< 'left right side'; echo "$a|$b"; cat <<< ''; cat <<< $'tab\tand\nnewline'
while read -r l; do echo "[$l]"; done <<< "$(seq 1 3)"
