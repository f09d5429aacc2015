# Runs every script of a directory with its shell, by its ending, in a place of its own.  all.bash SCRIPTS OUT WORK [NAME…]
# What a script writes, and its status, is in OUT/NAME.  PATH holds sh, bash and the tools of busybox, and nothing else.
scripts=$1 out=$2 work=$3
shift 3
[ $# -gt 0 ] || set -- $(cd "$scripts" && echo *)
export LC_ALL=C
for name in "$@"; do
    mkdir -p "$work/$name" && cd "$work/$name" || exit 2
    cp "$scripts/$name" ./script
    "${name##*.}" ./script >"$out/$name" 2>&1 </dev/null
    echo "status $?" >>"$out/$name"
done
