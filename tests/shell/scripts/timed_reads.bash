exec 3< <(while ! [ -e go ]; do sleep 0.01; done; echo late); read -t 0.02 -u 3 x; echo $(($? > 128)); touch go; read -t 60 -u 3 x; echo "$? $x"
read -n 3 x <<< abcdef; echo "$x"; read -d ';' x <<< 'up to;here'; echo "$x"; read -N 4 x <<< $'ab\ncd'; echo "${#x}"; read -a words <<< 'a b c'; echo "${#words[@]}"; read -t 0 < /dev/null; echo $?; SECONDS=0; ((SECONDS < 60)); echo $?
