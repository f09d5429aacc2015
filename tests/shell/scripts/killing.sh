sleep 100 & kill $!; wait $!; echo $?
sleep 100 & kill -9 $!; wait $!; echo $?
sh -c 'kill -SEGV $$'; echo $?
(trap 'echo got hup; exit 3' HUP; touch ready; while :; do usleep 1000; done) & 
while ! [ -e ready ]; do usleep 1000; done; kill -HUP $!; wait $!; echo $?
kill -0 $$; echo $?; kill -0 $! 2>/dev/null; echo $?
sh -c 'sh -c "kill -TERM \$PPID; usleep 100000"; echo no'; echo $?
kill -l 9; kill -l 15
