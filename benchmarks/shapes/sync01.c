/* A producer that waits as long as there is something, and nobody who takes it. */
#include "shape.h"
MUTEX(lock);
static pthread_cond_t empty = PTHREAD_COND_INITIALIZER, full = PTHREAD_COND_INITIALIZER;
static int number = 1;
static void *one(void *u) {
    LOCK(lock); while (number > 0) pthread_cond_wait(&empty, &lock); number++; UNLOCK(lock);
    pthread_cond_signal(&full);
    return u;
}
static void *two(void *u) {
    LOCK(lock); while (number == 0) pthread_cond_wait(&full, &lock); number--; UNLOCK(lock);
    return u; /* and does not say so */
}
int main(void) { TOGETHER(one, two); return 0; }
