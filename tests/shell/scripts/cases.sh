kind() {
    case $1 in
        '') echo empty;;
        [0-9]*.[0-9]*) echo decimal;;
        [0-9]|[0-9][0-9]) echo small;;
        -*|+*) echo signed;;
        *[!a-z]*) echo mixed;;
        *) echo word;;
    esac
}
for each in '' 3.14 7 42 123 -x +5 abc a1b 'two words'; do echo "$each: $(kind "$each")"; done
case x in (y) ;; (x) echo paren;; esac
