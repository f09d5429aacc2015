set -m
shown() { until jobs %1 | grep -q "$1"; do sleep 0.01; done; echo "$1"; }
(while :; do sleep 0.01; done) & kill -STOP $!; shown Stopped
kill -CONT %1; shown Running
bash -c 'kill -TSTP $$; echo continued' > out & until jobs %2 | grep -q Stopped; do sleep 0.01; done; kill -CONT %2; wait %2; cat out; kill %1; wait %1 2>/dev/null; echo $?
