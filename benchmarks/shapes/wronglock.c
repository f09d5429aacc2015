/* One thread guards the word by one lock, N others by another one. */
#include "shape.h"
MUTEX(mine); MUTEX(theirs);
static volatile int data;
static void *one(void *u) { LOCK(mine); int before = data; data++; CHECK(data == before + 1); UNLOCK(mine); return u; }
static void *other(void *u) { LOCK(theirs); data++; UNLOCK(theirs); return u; }
int main(int argc, char **argv) {
    body all[128];
    int count = argc > 1 ? atoi(argv[1]) : 1;
    all[0] = one;
    for (int n = 1; n <= count; n++) all[n] = other;
    together(all, count + 1);
    return 0;
}
