/* A bounded buffer whose waiters share one condition, and are woken one at a time: the signal may go to the wrong one. */
#include "shape.h"
enum { SIZE = 1, PRODUCERS = 2, CONSUMERS = 3, EACH = 3 };
MUTEX(lock);
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int used;
static void *produce(void *u) {
    for (int n = 0; n < EACH; n++) {
        LOCK(lock);
        while (used == SIZE) pthread_cond_wait(&changed, &lock);
        used++;
        pthread_cond_signal(&changed);
        UNLOCK(lock);
    }
    return u;
}
static void *consume(void *u) {
    for (int n = 0; n < PRODUCERS * EACH / CONSUMERS; n++) {
        LOCK(lock);
        while (used == 0) pthread_cond_wait(&changed, &lock);
        used--;
        pthread_cond_signal(&changed);
        UNLOCK(lock);
    }
    return u;
}
int main(void) { TOGETHER(produce, produce, consume, consume, consume); return 0; }
