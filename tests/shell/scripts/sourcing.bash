echo 'echo "sourced $# $1"; x=from_file; return 4; echo no' > lib; . ./lib arg; echo "$? $x"; source ./lib; echo "$#"
echo 'f() { echo "${BASH_SOURCE[0]##*/} ${FUNCNAME[0]}"; }' > lib2; source ./lib2; f; source absent 2>/dev/null; echo $?; source <(echo 'echo from pipe'); eval "$(echo 'y=evaluated')"; echo $y; type -t f if cd lib; command -v cd; hash -r; export -f f; bash -c 'type -t f'
