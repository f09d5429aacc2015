seq 1 6 > n
sed -n '2,4p' n; sed '/3/d;s/\(.\)/<\1>/' n | tr -d '\n'; echo; sed -n '$=' n
sed -e '2i\' -e 'inserted' -e '4q' n; sed ':a;N;$!ba;s/\n/,/g' n
awk '{ s += $1; if ($1 % 2) odd = odd $1 } END { printf "%d %s %.2f\n", s, odd, s / NR }' n
echo 'a:b:c' | awk -F: -v OFS=- '{ $2 = toupper($2); print; print NF, length($0), substr($0, 3) }'
awk 'BEGIN { n = split("x y z", a); for (i = n; i; i--) printf "%s", a[i]; print ""; while (("echo from shell" | getline l) > 0) print l }'
