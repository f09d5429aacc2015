for i in 1 2 3 4 5; do [ $i = 2 ] && continue; [ $i = 5 ] && break; echo $i; done
i=0; until [ $i -ge 3 ]; do i=$((i+1)); echo "until $i"; done
for i in a b; do for j in 1 2 3; do [ $j = 2 ] && continue 2; echo $i$j; done; done
while true; do while true; do break 2; done; echo no; done; echo out
for x; do echo never; done
seq 1 3 | while read n; do echo "line $n"; done
