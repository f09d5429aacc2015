echo one > file; echo two >> file; cat < file
{ echo out; echo err >&2; } > both 2>&1; cat both
ls /absent 2> errors; wc -l < errors
exec 3> third; echo three >&3; exec 3>&-; cat third
echo gone >&3; echo $?
exec 4<> updown; echo written >&4; exec 4>&-; cat updown
set -C; echo no > file; echo $?; echo yes >| file; cat file; set +C
cat < absent; echo $?
echo swap 3>&1 1>&2 2>&3 | tr a-z A-Z
