x=1; cd /tmp
(x=2; cd /; echo "$x $PWD"; exit 5); echo "$? $x $PWD"
(exit 300); echo $?
( ( ( echo deep ) ) )
{ y=kept; }; echo $y
(kill -KILL $(sh -c 'echo $PPID')); echo $?
