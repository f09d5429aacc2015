/* Each thread sets its word from its neighbour's; a fifth one checks what holds only in some orders. */
#include "shape.h"
MUTEX(lock);
static int x1 = 1, x2 = 2, x3 = 1; static int done[4];
static void *t1(void *u) { LOCK(lock); x1 = (x3 + 1) % 4; done[0] = 1; UNLOCK(lock); return u; }
static void *t2(void *u) { LOCK(lock); x2 = x1; done[1] = 1; UNLOCK(lock); return u; }
static void *t3(void *u) { LOCK(lock); x3 = x2; done[2] = 1; UNLOCK(lock); return u; }
static void *check(void *u) {
    LOCK(lock);
    if (done[0] && done[1] && done[2]) CHECK(x1 == x2 && x2 == x3);
    UNLOCK(lock);
    return u;
}
int main(void) { TOGETHER(t1, t2, t3, check); return 0; }
