set_it() { declare -n out=$1; out="set by $FUNCNAME"; }; set_it target; echo "$target"
x=1; name=x; echo "${!name}"; declare -n r=x; r=5; echo $x; list=(a b); declare -n l=list; l+=(c); echo "${list[*]} ${!r}"
declare -i n=2+3; n+=4; echo $n; declare -r c=const; (c=x) 2>/dev/null; echo $?; declare -l low=ABC; declare -u up=abc; echo $low $up; prefix_a=1 prefix_b=2; echo "${!prefix_@}"
