/* A queue whose element is put and counted under two holds of its lock: who takes in between finds it empty. */
#include "shape.h"
enum { ITEMS = 10 };
MUTEX(lock);
static int items[ITEMS + 1], head, tail, amount, enqueued, dequeued;
static void *enqueuer(void *u) {
    LOCK(lock); items[tail++] = 1; amount++; UNLOCK(lock);
    for (int n = 1; n < ITEMS; n++) {
        LOCK(lock);
        items[tail++] = n + 1;
        enqueued = 1; dequeued = 0;
        UNLOCK(lock);
        LOCK(lock); amount++; UNLOCK(lock);
    }
    return u;
}
static void *dequeuer(void *u) {
    for (int n = 0; n < ITEMS; n++) {
        LOCK(lock);
        if (enqueued && head < tail) {
            CHECK(amount == tail - head);
            head++; amount--;
        }
        UNLOCK(lock);
    }
    return u;
}
int main(void) { TOGETHER(enqueuer, dequeuer); return 0; }
