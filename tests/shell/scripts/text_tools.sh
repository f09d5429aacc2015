printf 'pear 3\napple 10\nfig 2\napple 1\n' > fruit
sort fruit; sort -k2 -n fruit; sort -u -k1,1 fruit
cut -d ' ' -f 1 fruit | sort | uniq -c | sed 's/^ *//'
tr -d aeiou < fruit; tr -s p < fruit | head -n 1; nl fruit | head -n 2
paste -d + fruit fruit | head -n 1; fold -w 4 fruit | tail -n 2; rev fruit | head -n 1
comm -12 fruit fruit 2>/dev/null | wc -l; od -An -c fruit | head -n 1; tac fruit | head -n 1
