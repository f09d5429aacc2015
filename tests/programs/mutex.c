/* 8 threads add to one counter under a pthread mutex; no addition may be lost. Also: trylock, recursive, error-checking
 * and timed mutexes. */
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

#include "check.h"

enum { THREADS = 8, ITERATIONS = 20000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long counter;

static void *add(void *unused) {
    (void)unused;
    for (int i = 0; i < ITERATIONS; i++) {
        CHECK(pthread_mutex_lock(&lock) == 0);
        counter++;
        CHECK(pthread_mutex_unlock(&lock) == 0);
    }
    return NULL;
}

static void *try_from_outside(void *mutex) {
    struct timespec until;
    CHECK(pthread_mutex_trylock(mutex) == EBUSY);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 5000000;
    if (until.tv_nsec >= 1000000000)
        until.tv_nsec -= 1000000000, until.tv_sec++;
    CHECK(pthread_mutex_timedlock(mutex, &until) == ETIMEDOUT);
    return NULL;
}

static void check_type(int type, int relock) {
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex;
    pthread_t id;
    pthread_mutexattr_init(&attributes);
    CHECK(pthread_mutexattr_settype(&attributes, type) == 0);
    pthread_mutex_init(&mutex, &attributes);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_mutex_lock(&mutex) == relock);
    CHECK(pthread_create(&id, NULL, try_from_outside, &mutex) == 0);
    CHECK(pthread_join(id, NULL) == 0);
    if (relock == 0)
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == EPERM);
}

int main(void) {
    pthread_t ids[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, add, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    CHECK(counter == (long)THREADS * ITERATIONS);
    check_type(PTHREAD_MUTEX_RECURSIVE, 0);
    check_type(PTHREAD_MUTEX_ERRORCHECK, EDEADLK);
    return ok("mutex");
}
