timeout 5 true; echo $?; timeout 0.05 sleep 5; echo $?; timeout -s KILL 0.05 sleep 5; echo $?
timeout 5 sh -c 'exit 6'; echo $?
sleep 0.05 & sleep 0.01 & wait; echo both
usleep 10; echo $?
