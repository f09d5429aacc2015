true && echo and; false || echo or; ! false && echo not
true | false; echo $?; false | true; echo $?; ! true | false; echo $?
touch old; echo content > new; mkdir dir; ln -s new link
[ -f new ] && [ ! -s old ] && [ -d dir ] && [ -L link ] && [ -e link ] && [ ! -e no ]; echo $?
[ a = a ] && [ a != b ] && [ 2 -lt 10 ] && [ -n x ] && [ -z '' ]; echo $?
[ 1 -eq 1 -a 2 -ne 3 -o 0 = 1 ]; echo $?; test abc '<' abd; echo $?
if false; then echo 1; elif true; then echo 2; else echo 3; fi
touch -d '2001-01-01' old; [ new -nt old ]; echo $?; [ -t 0 ]; echo $?
