/* Semaphores: never more than the given number inside; post, wait, trywait, timedwait, getvalue. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "check.h"

enum { THREADS = 8, ROUNDS = 500, PLACES = 3 };

static sem_t places, ping, pong;
static atomic_int inside;

static void *enter(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sem_wait(&places) == 0);
        CHECK(atomic_fetch_add(&inside, 1) < PLACES);
        if (i % 8 == 0)
            sched_yield();
        atomic_fetch_sub(&inside, 1);
        CHECK(sem_post(&places) == 0);
    }
    return NULL;
}

static void *answer(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sem_wait(&ping) == 0);
        CHECK(sem_post(&pong) == 0);
    }
    return NULL;
}

int main(void) {
    pthread_t ids[THREADS];
    struct timespec soon;
    int value;
    CHECK(sem_init(&places, 0, PLACES) == 0 && sem_init(&ping, 0, 0) == 0 && sem_init(&pong, 0, 0) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, enter, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    CHECK(sem_getvalue(&places, &value) == 0 && value == PLACES && inside == 0);

    CHECK(pthread_create(&ids[0], NULL, answer, NULL) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sem_post(&ping) == 0);
        CHECK(sem_wait(&pong) == 0);
    }
    CHECK(pthread_join(ids[0], NULL) == 0);

    CHECK_ERROR(sem_trywait(&ping), EAGAIN);
    clock_gettime(CLOCK_REALTIME, &soon);
    if ((soon.tv_nsec += 5000000) >= 1000000000)
        soon.tv_nsec -= 1000000000, soon.tv_sec++;
    CHECK_ERROR(sem_timedwait(&ping, &soon), ETIMEDOUT);
    CHECK(sem_destroy(&ping) == 0);
    return ok("semaphore");
}
