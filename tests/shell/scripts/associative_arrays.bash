declare -A m=([one]=1 [two]=2); m[three words]=3; m[one]+=x
for k in $(printf '%s\n' "${!m[@]}" | sort); do :; done; printf '%s\n' "${!m[@]}" | sort
echo "${m[one]} ${m[three words]} ${#m[@]} ${m[none]-unset}"; [[ -v m[two] ]]; echo $?; unset 'm[two]'; [[ -v m[two] ]]; echo $?
while read -r w; do ((count[$w]++)); done < <(printf '1\n2\n1\n1\n'); echo "${count[1]} ${count[2]}"
