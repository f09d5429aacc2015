trap 'echo "error $? at $LINENO"' ERR
false
if false; then :; fi; false || true
f() { (exit 6); echo in f; return 8; }
f
set -E; f; trap - ERR
trap 'echo "debug $BASH_COMMAND"' DEBUG
x=1
trap - DEBUG
g() { trap 'echo returned' RETURN; echo in g; }; g
trap -p EXIT USR1; trap 'echo leaving $?' EXIT; exit 9
