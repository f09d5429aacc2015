set -- a 'b c' d e f g h i j k
echo $# $1 "$2" ${10} "${11-none}"
for x in "$@"; do echo -n "<$x>"; done; echo
for x in $*; do echo -n "<$x>"; done; echo
IFS=-; echo "$*"; unset IFS
shift 3; echo $# $1; shift 99 2>/dev/null; echo $#
count() { echo $#; }; set --; count "$@"; count "$*"
