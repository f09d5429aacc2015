export TZ=UTC0
date -u -d @0 '+%Y-%m-%d %H:%M:%S %a %b %j'; date -u -d @1000000000 +%s; date -d '2024-02-29 12:00' +%A
TZ=EST5EDT date -d @1700000000 '+%H:%M %Z'
before=$(date +%s); sleep 0.02; after=$(date +%s); [ $((after - before)) -le 60 ]; echo $?
touch -d '2020-05-05 05:05:05' f; date -r f +%F; stat -c %Y f
