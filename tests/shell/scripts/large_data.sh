seq 1 30000 > big; wc big | tr -s ' '
cat big big big | wc -c; sort -rn big | head -n 2; sort big | md5sum
x=$(cat big); echo ${#x}; set -- $x; echo $# ${30000}
printf '%s\n' "$@" | cmp - big; echo $?
