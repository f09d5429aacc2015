/* Readers and writers by counters: the first of each kind takes a lock for all; in a bad order two wait for each other. */
#include "shape.h"
MUTEX(m); MUTEX(l);
static int a, b;
static void *first(void *u) {
    LOCK(m); a++; if (a == 1) LOCK(l); UNLOCK(m);
    LOCK(m); a--; if (a == 0) UNLOCK(l); UNLOCK(m);
    return u;
}
static void *second(void *u) {
    LOCK(m); b++; if (b == 1) LOCK(l); UNLOCK(m);
    LOCK(m); b--; if (b == 0) UNLOCK(l); UNLOCK(m);
    return u;
}
static void *idle(void *u) { return u; }
int main(void) { TOGETHER(first, second, idle, idle); return 0; }
