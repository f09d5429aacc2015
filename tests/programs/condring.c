/* A token goes round a ring of threads; each waits on a condition variable of its own. Then producers and consumers
 * share one bounded buffer with two condition variables, ended by a broadcast. */
#include <pthread.h>
#include <time.h>

#include "check.h"

enum { THREADS = 8, ROUNDS = 300, SLOTS = 4, ITEMS = 2000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t my_turn[THREADS];
static int holder; /* guarded by lock */
static long passes;

static void *pass(void *argument) {
    int self = (int)(long)argument;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_mutex_lock(&lock);
        while (holder != self)
            pthread_cond_wait(&my_turn[self], &lock);
        CHECK(passes == (long)round * THREADS + self);
        passes++;
        holder = (self + 1) % THREADS;
        pthread_cond_signal(&my_turn[holder]);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER, not_empty = PTHREAD_COND_INITIALIZER;
static int buffer[SLOTS], first, filled, finished; /* guarded by lock */
static long sum;

static void *produce(void *unused) {
    (void)unused;
    for (int i = 1; i <= ITEMS; i++) {
        pthread_mutex_lock(&lock);
        while (filled == SLOTS)
            pthread_cond_wait(&not_full, &lock);
        buffer[(first + filled++) % SLOTS] = i;
        pthread_cond_signal(&not_empty);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void *consume(void *unused) {
    (void)unused;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (filled == 0 && !finished)
            pthread_cond_wait(&not_empty, &lock);
        if (filled == 0)
            break;
        sum += buffer[first];
        first = (first + 1) % SLOTS;
        filled--;
        pthread_cond_signal(&not_full);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

int main(void) {
    pthread_t ids[THREADS];
    for (long i = 0; i < THREADS; i++)
        pthread_cond_init(&my_turn[i], NULL);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, pass, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    CHECK(passes == (long)THREADS * ROUNDS);

    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, i < 3 ? produce : consume, NULL) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    pthread_mutex_lock(&lock);
    finished = 1;
    pthread_cond_broadcast(&not_empty);
    pthread_mutex_unlock(&lock);
    for (int i = 3; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    CHECK(sum == 3L * ITEMS * (ITEMS + 1) / 2);

    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    pthread_mutex_lock(&lock);
    CHECK(pthread_cond_timedwait(&not_full, &lock, &until) == ETIMEDOUT);
    pthread_mutex_unlock(&lock);
    return ok("condring");
}
