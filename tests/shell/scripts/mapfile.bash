mapfile -t lines < <(seq 1 5); echo "${#lines[@]} ${lines[4]}"; mapfile -t -s 1 -n 2 part < <(printf 'a\nb\nc\nd\n'); echo "${part[*]}"
mapfile -d : fields <<< 'x:y:z'; printf '[%s]' "${fields[@]}"; echo; callback() { echo "at $1"; }; mapfile -t -C callback -c 2 all < <(seq 1 4); echo "${#all[@]}"
