/* A producer counts up, a consumer adds; the last number is added twice or not at all, so the sum is wrong. */
#include "shape.h"
enum { NUMBERS = 3 };
MUTEX(lock);
static pthread_cond_t full = PTHREAD_COND_INITIALIZER, empty = PTHREAD_COND_INITIALIZER;
static int number, ready; static unsigned long total; static int over;
static void *produce(void *u) {
    for (int n = 0; n < NUMBERS; n++) {
        LOCK(lock);
        while (ready)
            pthread_cond_wait(&empty, &lock);
        number++; ready = 1;
        pthread_cond_signal(&full);
        UNLOCK(lock);
    }
    return u;
}
static void *consume(void *u) {
    for (int n = 0; n < NUMBERS; n++) {
        LOCK(lock);
        while (!ready)
            pthread_cond_wait(&full, &lock);
        total += number; ready = 0;
        pthread_cond_signal(&empty);
        UNLOCK(lock);
    }
    over = 1;
    return u;
}
int main(void) { TOGETHER(produce, consume); CHECK(!over || total != NUMBERS * (NUMBERS + 1) / 2); return 0; }
