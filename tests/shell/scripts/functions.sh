factorial() {
    if [ "$1" -le 1 ]; then echo 1; return; fi
    echo $(($1 * $(factorial $(($1 - 1)))))
}
factorial 10
scope() { local x=inside; y=changed; echo "$x $# $*"; return 3; }
x=outside y=before
scope a 'b c'
echo "$? $x $y"
scope() { echo redefined; }
scope; unset -f scope; scope 2>/dev/null; echo $?
