trap 'echo caught USR1' USR1
trap 'echo bye; exit 7' EXIT
kill -USR1 $$
echo after
(trap 'echo subshell ends' EXIT; echo in subshell)
trap '' TERM
kill -TERM $$
echo survived
sh -c 'kill -TERM $$; echo child survives too'
trap - USR1
sh -c 'trap "echo term; exit 4" TERM; kill -TERM $$; echo no'
echo $?
