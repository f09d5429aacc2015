work() { usleep 1000; echo "job $1"; return $1; }
work 3 & first=$!
wait $first; echo "status $?"
for k in 1 2 3 4 5 6 7 8; do (exit $k) & pids="$pids $!"; done
for pid in $pids; do wait $pid; echo -n "$? "; done; echo
wait; echo all $?
wait 99999; echo $?
(while ! [ -e early ]; do usleep 1000; done; echo late) & echo early; touch early; wait
