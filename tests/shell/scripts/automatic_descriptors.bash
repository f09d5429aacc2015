exec {out}> file; ((out >= 10)); echo $?; echo text >&$out; exec {out}>&-; cat file; exec {in}< file; read -u $in x; echo "$x"; exec {in}<&-
{ echo to stderr >&2; } 2>&1 | cat; exec 7>&1; echo dup >&7; exec 7>&-; (echo closed >&7) 2>/dev/null; echo $?; echo moved 8>&1 >&8-; exec 9<<< here; cat <&9; echo both &> file; echo more &>> file; cat file
