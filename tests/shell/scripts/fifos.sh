mkfifo pipe; ls -l pipe | cut -c 1
(for k in 1 2 3; do echo "sent $k"; done > pipe) &
cat pipe; wait
cat pipe | tr a-z A-Z & echo through > pipe; wait
mkfifo there back
(while read x; do echo "echo $x"; done < there > back) &
exec 3> there 4< back
echo hello >&3; read answer <&4; echo "$answer"; exec 3>&-; wait
