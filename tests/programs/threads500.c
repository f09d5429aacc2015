/* 500 threads, all alive at the same time: each waits until all have started. Every one has its own identity. */
#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>

#include "check.h"

enum { THREADS = 500 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_started = PTHREAD_COND_INITIALIZER;
static int started; /* guarded by lock */
static pid_t tids[THREADS];

static void *run(void *argument) {
    long self = (long)argument;
    tids[self] = gettid();
    pthread_mutex_lock(&lock);
    if (++started == THREADS)
        pthread_cond_broadcast(&all_started);
    while (started < THREADS)
        pthread_cond_wait(&all_started, &lock);
    pthread_mutex_unlock(&lock);
    return (void *)(self * self);
}

static int by_tid(const void *a, const void *b) { return *(const pid_t *)a - *(const pid_t *)b; }

int main(void) {
    static pthread_t ids[THREADS];
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, run, (void *)i) == 0);
    for (long i = 0; i < THREADS; i++) {
        void *result;
        CHECK(pthread_join(ids[i], &result) == 0);
        CHECK(result == (void *)(i * i));
    }
    qsort(tids, THREADS, sizeof *tids, by_tid);
    for (int i = 1; i < THREADS; i++)
        CHECK(tids[i - 1] < tids[i]);
    CHECK(started == THREADS);
    return ok("threads500");
}
