set -m; (sleep 50 | sleep 50; echo no) & sleep 0.05; kill -TERM -- -$!; wait $! 2>/dev/null; echo $?
(trap 'echo group; exit 5' USR1; touch up; while :; do sleep 0.01; done) 2>/dev/null & while ! [ -e up ]; do sleep 0.01; done; kill -USR1 -$!; wait $!; echo $?
set +m; bash -c 'kill -0 -$$' 2>/dev/null; echo $?; setsid sh -c 'cut -d " " -f 5,6 /proc/$$/stat | (read g s; [ $g = $s ] && [ $g = $$ ] && echo leader)' | cat
