s='2024-05-17 error 42'
[[ $s =~ ^([0-9]{4})-([0-9]+)-([0-9]+)\ ([a-z]+) ]] && echo "${BASH_REMATCH[@]:1}"
[[ $s =~ [0-9]+$ ]]; echo "$? ${BASH_REMATCH[0]}"; [[ abc =~ x ]]; echo $?; bad='('; [[ abc =~ $bad ]] 2>/dev/null; echo $?
p='b+'; [[ abbb =~ $p ]] && echo "${BASH_REMATCH}"; [[ 'a.c' =~ "a.c" && ! abc =~ "a.c" ]]; echo $?
