a=(one two 'three 3'); echo "${a[1]} ${#a[@]} ${a[-1]} ${!a[@]}"
a+=(four); a[10]=ten; echo "${!a[@]}"; for x in "${a[@]}"; do echo "<$x>"; done
echo "${a[@]:1:2}" "${a[@]#t}" "${a[@]/o/0}"; unset 'a[1]'; echo "${#a[@]}"; b=("${a[@]}"); declare -p b
for ((i = 0; i < 500; i++)); do n[i]=$((i * i)); done; echo "${n[499]} ${#n[*]}"
