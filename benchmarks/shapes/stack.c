/* One pushes, one pops once something was pushed, under a lock: it pops more than there is. */
#include "shape.h"
enum { ITEMS = 5 };
MUTEX(lock);
static int top, flag, items[ITEMS];
static void *pusher(void *u) {
    for (int n = 0; n < ITEMS; n++) { LOCK(lock); CHECK(top < ITEMS); items[top++] = n; flag = 1; UNLOCK(lock); }
    return u;
}
static void *popper(void *u) {
    for (int n = 0; n < ITEMS; n++) { LOCK(lock); if (flag) { CHECK(top > 0); top--; } UNLOCK(lock); }
    return u;
}
int main(void) { TOGETHER(pusher, popper); return 0; }
