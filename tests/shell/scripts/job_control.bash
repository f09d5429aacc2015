set -m
sleep 100 & sleep 100 & jobs | sed 's/ *$//' | cut -c 1-20; kill %1 %2; wait 2>/dev/null; jobs > all; jobs
(exit 3) & wait %1; echo $?
sleep 50 & kill %%; wait %% 2>/dev/null; echo $?
cat <<< foreground & fg > /dev/null; echo $?
sh -c '[ $(cut -d " " -f 5 /proc/$$/stat) = $$ ] && echo own group'
