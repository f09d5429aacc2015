x='a  b'; echo $x "$x" '$x' \$x
eval 'y="$x"; echo "$y"'
name=z; eval "$name='quoted \"text\"'"; echo "$z"
echo "it's" 'say "hi"' a\ b "back\\slash" 'tab	in'
echo one\
two
set -- "a'b" 'c"d'; for w; do printf '%s\n' "$w"; done
alias greet='echo alias'; eval 'greet works'
