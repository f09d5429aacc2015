shopt -s extglob nullglob; touch a.c b.c c.h d.txt e; mkdir -p x/y; touch x/y/deep.c
echo *.@(c|h); echo !(*.c); echo ?(a).c; echo +([a-e]); echo nothing*
shopt -s globstar dotglob; echo **/*.c; v='  trim  '; v=${v##+( )}; echo "[${v%%+( )}]"
shopt -u nullglob; echo none*; shopt -s failglob; (echo none*) 2>/dev/null; echo $?; case foobar in foo@(bar|baz)) echo match;; esac
