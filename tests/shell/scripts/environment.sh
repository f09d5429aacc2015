A=exported; B=not; export A
sh -c 'echo "${A-unset} ${B-unset}"'; B=once sh -c 'echo $B'; echo $B
env -i C=only "$(which sh)" -c 'echo "$C ${A-unset}"'; env | grep '^A='
unset A; sh -c 'echo ${A-unset}'; readonly R=1; (R=2) 2>/dev/null; echo $?
export D='with
newline'; sh -c 'echo "$D"'; set a b; echo ${PATH:+has path}; cd /; cd - > /dev/null; echo ${OLDPWD}
