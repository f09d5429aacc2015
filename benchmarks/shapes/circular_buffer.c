/* A sender and a receiver whose turns are two flags set under a lock; what is received may come out of order. */
#include "shape.h"
enum { SIZE = 10, ITEMS = 7 };
MUTEX(lock);
static int buffer[SIZE], first, next, sends = 1, receives;
static void put(int item) { buffer[next] = item; next = (next + 1) % SIZE; }
static int get(void) { if (first == next) return -1; int item = buffer[first]; first = (first + 1) % SIZE; return item; }
static void *sender(void *u) {
    for (int n = 0; n < ITEMS; n++) {
        LOCK(lock);
        if (sends) { put(n); receives = 1; }
        UNLOCK(lock);
    }
    return u;
}
static void *receiver(void *u) {
    for (int n = 0; n < ITEMS; n++) {
        LOCK(lock);
        if (receives) CHECK(get() == n);
        UNLOCK(lock);
    }
    return u;
}
int main(void) { TOGETHER(sender, receiver); return 0; }
