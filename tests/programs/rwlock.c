/* Reader-writer locks: writers exclude everybody, readers only writers; try and timed variants. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "check.h"

enum { READERS = 5, WRITERS = 3, ROUNDS = 2000 };

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static long a, b; /* guarded by lock: always equal outside a writer */
static atomic_int inside;
static pthread_barrier_t together;

static void *write_both(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_rwlock_wrlock(&lock) == 0);
        CHECK(a == b);
        a++;
        __asm__ volatile("" ::: "memory");
        b++;
        CHECK(pthread_rwlock_unlock(&lock) == 0);
    }
    return NULL;
}

static void *read_both(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_rwlock_rdlock(&lock) == 0);
        CHECK(a == b);
        CHECK(pthread_rwlock_unlock(&lock) == 0);
    }
    return NULL;
}

/* All readers hold the lock at the same time, or this barrier never opens. */
static void *read_together(void *unused) {
    (void)unused;
    CHECK(pthread_rwlock_rdlock(&lock) == 0);
    atomic_fetch_add(&inside, 1);
    pthread_barrier_wait(&together);
    CHECK(inside == READERS);
    CHECK(pthread_rwlock_trywrlock(&lock) == EBUSY);
    pthread_barrier_wait(&together);
    CHECK(pthread_rwlock_unlock(&lock) == 0);
    return NULL;
}

static void *try_from_outside(void *unused) {
    struct timespec now;
    (void)unused;
    clock_gettime(CLOCK_REALTIME, &now);
    CHECK(pthread_rwlock_tryrdlock(&lock) == EBUSY);
    CHECK(pthread_rwlock_timedrdlock(&lock, &now) == ETIMEDOUT);
    CHECK(pthread_rwlock_timedwrlock(&lock, &now) == ETIMEDOUT);
    return NULL;
}

int main(void) {
    pthread_t ids[READERS + WRITERS];
    for (int i = 0; i < READERS + WRITERS; i++)
        CHECK(pthread_create(&ids[i], NULL, i < READERS ? read_both : write_both, NULL) == 0);
    for (int i = 0; i < READERS + WRITERS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    CHECK(a == (long)WRITERS * ROUNDS && b == a);

    pthread_barrier_init(&together, NULL, READERS);
    for (int i = 0; i < READERS; i++)
        CHECK(pthread_create(&ids[i], NULL, read_together, NULL) == 0);
    for (int i = 0; i < READERS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);

    CHECK(pthread_rwlock_wrlock(&lock) == 0);
    CHECK(pthread_create(&ids[0], NULL, try_from_outside, NULL) == 0 && pthread_join(ids[0], NULL) == 0);
    CHECK(pthread_rwlock_unlock(&lock) == 0);
    return ok("rwlock");
}
