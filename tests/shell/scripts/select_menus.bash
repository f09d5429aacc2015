PS3='? '; select x in apple pear quit; do echo "got ${x:-nothing} $REPLY"; [[ $x == quit ]] && break; done < <(printf '1\n9\n3\n') 2>&1
printf '2\n' | (select y in a b; do echo "$y"; break; done 2>/dev/null); set -o posix; set -o | grep -c on; set +o posix; echo "$-" | tr -d 'hB'; echo "${BASH_VERSINFO[0]}"
