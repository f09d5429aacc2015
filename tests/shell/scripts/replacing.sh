(exec echo replaced; echo no)
sh -c 'exec sh -c "exec echo \$0 three" two' one
(exec 5> five; exec sh -c 'echo inherited >&5'); cat five
exec 6< five; rm five; cat <&6
(exec absent) 2> /dev/null; echo $?
printf '#!%s -e\necho script $1\nfalse\necho no\n' "$(which sh)" > own; chmod +x own; ./own arg; echo $?
printf 'echo no header $1\n' > plain; chmod +x plain; ./plain arg
chmod -x own; [ -x own ]; echo $?
exec sh -c 'echo last; exit 12'
