/* Threads meet at a barrier again and again: nobody may be a round ahead, exactly one is the serial thread each time. */
#include <pthread.h>
#include <stdatomic.h>

#include "check.h"

enum { THREADS = 6, ROUNDS = 200 };

static pthread_barrier_t barrier;
static atomic_int arrived, serial;

static void *meet(void *unused) {
    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        atomic_fetch_add(&arrived, 1);
        int result = pthread_barrier_wait(&barrier);
        CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        CHECK(arrived == (round + 1) * THREADS);
        if (result == PTHREAD_BARRIER_SERIAL_THREAD)
            atomic_fetch_add(&serial, 1);
        pthread_barrier_wait(&barrier); /* nobody arrives for the next round before all have looked */
    }
    return NULL;
}

int main(void) {
    pthread_t ids[THREADS];
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, meet, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    CHECK(pthread_barrier_destroy(&barrier) == 0);
    CHECK(serial == ROUNDS);
    return ok("barrier");
}
