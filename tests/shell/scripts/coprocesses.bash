coproc UPPER { while read -r x; do echo "${x^^}"; done; }
echo hello >&"${UPPER[1]}"; read -r y <&"${UPPER[0]}"; echo "$y"
for k in a b c; do echo $k >&"${UPPER[1]}"; read -r y <&"${UPPER[0]}"; echo -n "$y"; done; echo
pid=$UPPER_PID; eval "exec ${UPPER[1]}>&-"; wait "$pid"; echo $?
