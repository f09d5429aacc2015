printf '%5d|%-5d|%05d|%x|%X|%o|%c|%s\n' 42 42 42 255 255 8 abc str
printf '%.3f %e %g\n' 3.14159 12345.678 0.0001
printf '%s-%s\n' a b c d e; printf '%b' 'tab\there\n' '\0101\n'
printf '%5s|%-5s|%.2s|%%\n' ab ab abcdef; printf '%d\n' 0x1F 017 "'A"
echo -e 'a\tb\nc'; echo -n no newline; echo; printf 'no newline at the end'
