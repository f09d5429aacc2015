fib() { if (($1 < 2)); then echo "$1"; else echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2))))); fi; }; fib 9
down() { if (($1)); then ( down $(($1 - 1)) ); else echo "level $BASH_SUBSHELL"; fi; }; down 25
depth() { (($1)) && depth $(($1 - 1)) || echo "${#FUNCNAME[@]}"; }; depth 200
hanoi() { (($1)) || return; hanoi $(($1 - 1)) $2 $4 $3; ((++moves)); hanoi $(($1 - 1)) $4 $3 $2; }; hanoi 8 a b c; echo $moves
