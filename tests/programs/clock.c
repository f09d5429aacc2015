/* Clocks: monotonic time never goes back, also not between threads; real time is after 2020; sleeping lasts at least
 * as long as was asked, by nanosleep and by clock_nanosleep to a point in time; CPU-time clocks advance; errors. The machine's
 * own time (cz-16): units within their bounds, never back, also not between threads, and as fast as CLOCK_MONOTONIC. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#include "../../emu/guests/emu.h"
#include "check.h"

enum { THREADS = 4, ROUNDS = 3000 };

static atomic_llong latest, latest_tick;

static int64_t now_ns(clockid_t clock) {
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0 && now.tv_nsec >= 0 && now.tv_nsec < 1000000000);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int64_t machine_ticks(void) {
    struct emu_time t;
    CHECK(emu_time(&t) == 0);
    CHECK(t.days >= 0 && t.hours >= 0 && t.hours < 24 && t.minutes >= 0 && t.minutes < 60);
    CHECK(t.seconds >= 0 && t.seconds < 60 && t.ticks >= 0 && t.ticks < EMU_TICKS);
    return (((t.days * 24 + t.hours) * 60 + t.minutes) * 60 + t.seconds) * EMU_TICKS + t.ticks;
}

/* Counts up to `now` unless another has gone further. */
static void publish(atomic_llong *latest_of, long long now) {
    long long seen = *latest_of;
    while (seen < now && !atomic_compare_exchange_weak(latest_of, &seen, now))
        ;
}

/* What another thread published before we looked at the clock cannot be later than what the clock says. */
static void *watch(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t before = latest, now = now_ns(CLOCK_MONOTONIC);
        CHECK(now >= before);
        publish(&latest, now);
        int64_t tick_before = latest_tick, tick = machine_ticks();
        CHECK(tick >= tick_before);
        publish(&latest_tick, tick);
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

    int64_t before_ticks = now_ns(CLOCK_MONOTONIC), first_tick = machine_ticks(), start = now_ns(CLOCK_MONOTONIC);
    CHECK(nanosleep(&(struct timespec){0, 15000000}, NULL) == 0);
    CHECK(now_ns(CLOCK_MONOTONIC) - start >= 15000000);

    int64_t until = now_ns(CLOCK_MONOTONIC) + 15000000;
    struct timespec point = {until / 1000000000, until % 1000000000};
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &point, NULL) == 0);
    CHECK(now_ns(CLOCK_MONOTONIC) >= until);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &point, NULL) == 0); /* already past */
    int64_t last_tick = machine_ticks(), tick_ns = 1000000000 / EMU_TICKS;
    CHECK((last_tick - first_tick + 1) * tick_ns >= until - start);
    CHECK((last_tick - first_tick - 1) * tick_ns <= now_ns(CLOCK_MONOTONIC) - before_ticks);
    CHECK(emu_time((struct emu_time *)8) == -EFAULT);

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
