/* The same with a signal on the wrong condition. */
#include "shape.h"
MUTEX(lock);
static pthread_cond_t empty = PTHREAD_COND_INITIALIZER, full = PTHREAD_COND_INITIALIZER;
static int number;
static void *one(void *u) {
    LOCK(lock); while (number > 0) pthread_cond_wait(&empty, &lock); number++; UNLOCK(lock);
    pthread_cond_signal(&empty);
    return u;
}
static void *two(void *u) {
    LOCK(lock); while (number == 0) pthread_cond_wait(&full, &lock); number--; UNLOCK(lock);
    pthread_cond_signal(&empty);
    return u;
}
int main(void) { TOGETHER(two, one); return 0; }
