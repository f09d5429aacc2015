mkdir -p t/u/v; touch t/a.c t/b.h t/u/c.c 't/u/with space.c'; echo data > t/u/v/d.c
find t | sort; find t -name '*.c' -type f | sort | wc -l; find t -size +0 -type f
find t -type f -print0 | sort -z | xargs -0 -n 1 basename
find t -name '*.h' -exec echo found {} \; ; seq 1 10 | xargs -n 4 echo
find t -name '*.c' -exec rm {} +; find t -type f; du -a t > /dev/null; echo $?
seq 1 6 | xargs -P 3 -n 2 sh -c 'exit 0'; echo $?
