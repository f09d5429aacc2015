printf -v x '%03d-%s' 7 z; echo "$x"; printf '%q\n' "a b'c" $'new\nline' '' plain
printf '%(%Y-%m-%d)T\n' 0 | cut -c 1-3; printf '%s %s\n' $'\x41\u00e9' $'\'quoted\''; echo "${x@Q} ${x@U}"; printf '%*d|%-*d|\n' 5 1 5 2
