(while ! [ -e go ]; do sleep 0.01; done; exit 1) & (exit 2) & wait -n; echo $?; touch go; wait -n; echo $?; wait -n; echo $?
sleep 0.01 & p=$!; wait -n -p done "$p"; [[ $done == "$p" ]]; echo $?
for k in {1..20}; do (exit $((k % 2))) & done; failed=0; for k in {1..20}; do wait -n || ((failed++)); done; echo $failed
trap 'got=usr1' USR1; touch alive; (while [[ -e alive ]]; do kill -USR1 $$; sleep 0.01; done) & sleep 100 & q=$!; wait $q; echo $(($? > 128)) $got; kill $q; rm alive; wait; echo over
