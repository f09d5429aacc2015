parse() {
    OPTIND=1
    while getopts ':ab:c' option; do
        case $option in
            a|c) echo "flag $option";;
            b) echo "b=$OPTARG";;
            :) echo "missing $OPTARG";;
            \?) echo "unknown $OPTARG";;
        esac
    done
    shift $((OPTIND - 1)); echo "rest: $*"
}
parse -a -b value -c x y; parse -acbvalue; parse -b; parse -z -- -a
