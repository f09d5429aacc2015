/* Clocks: monotonic time never goes back, also not between threads; real time is after 2020; sleeping lasts at least
 * as long as was asked, by nanosleep and by clock_nanosleep to a point in time; CPU-time clocks advance; errors. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#include "check.h"

enum { THREADS = 4, ROUNDS = 3000 };

static atomic_llong latest;

static int64_t now_ns(clockid_t clock) {
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0 && now.tv_nsec >= 0 && now.tv_nsec < 1000000000);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* What another thread published before we looked at the clock cannot be later than what the clock says. */
static void *watch(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t before = latest, now = now_ns(CLOCK_MONOTONIC);
        CHECK(now >= before);
        long long seen = latest;
        while (seen < now && !atomic_compare_exchange_weak(&latest, &seen, now))
            ;
    }
    return NULL;
}

int main(void) {
    pthread_t ids[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, watch, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);

    CHECK(time(NULL) > 1577836800);
    struct timeval day;
    CHECK(gettimeofday(&day, NULL) == 0 && llabs((long long)day.tv_sec - time(NULL)) <= 1);
    int64_t real = now_ns(CLOCK_REALTIME);
    CHECK(llabs(real / 1000000000 - time(NULL)) <= 1);

    int64_t start = now_ns(CLOCK_MONOTONIC);
    CHECK(nanosleep(&(struct timespec){0, 15000000}, NULL) == 0);
    CHECK(now_ns(CLOCK_MONOTONIC) - start >= 15000000);

    int64_t until = now_ns(CLOCK_MONOTONIC) + 15000000;
    struct timespec point = {until / 1000000000, until % 1000000000};
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &point, NULL) == 0);
    CHECK(now_ns(CLOCK_MONOTONIC) >= until);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &point, NULL) == 0); /* already past */

    CHECK_ERROR(nanosleep(&(struct timespec){0, 1000000000}, NULL), EINVAL);
    CHECK_ERROR(nanosleep(&(struct timespec){-1, 0}, NULL), EINVAL);
    struct timespec unused;
    CHECK_ERROR(clock_gettime(12345, &unused), EINVAL);

    int64_t process = now_ns(CLOCK_PROCESS_CPUTIME_ID), thread = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (volatile int i = 0; i < 1000000; i++)
        ;
    CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) > process);
    CHECK(now_ns(CLOCK_THREAD_CPUTIME_ID) > thread);
    struct timespec resolution;
    CHECK(clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_sec == 0 && resolution.tv_nsec > 0);
    return ok("clock");
}
