/* set_timeout and clear_timeout (alux-3): who has the lock and finds the note finds the sleeper.
 * `timeouts bad`: a control, the original's race; the lock is released before the sleep is recorded. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../emu/guests/emu.h"
#include "check.h"

enum { ROUNDS = 1000, MS = 1000000 };

static volatile long lock_word;
static int waiting, bad, over; /* under the lock */
static atomic_int tid;
static long missed;

static void acquire(void) {
    while (__atomic_exchange_n(&lock_word, 1, __ATOMIC_ACQUIRE))
        sched_yield();
}

static void release(void) { __atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE); }

static long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void nap(long us) {
    struct timespec time = {0, us * 1000};
    nanosleep(&time, NULL);
}

static void *sleeper(void *argument) {
    atomic_store(&tid, (int)syscall(SYS_gettid));
    for (int k = 0; k < ROUNDS; k++) {
        acquire();
        waiting = 1;
        if (bad) {
            release();
            sched_yield();
            CHECK(emu_set_infinite_timeout(NULL) == 0);
        } else if (k % 2) {
            CHECK(emu_set_infinite_timeout(&lock_word) == 0);
        } else {
            CHECK(emu_set_timeout(now_ns() + 3600L * 1000 * MS, k % 4 == 0, &lock_word) == 0);
        }
    }
    acquire();
    over = 1;
    release();
    return argument;
}

static void wake_all_rounds(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, sleeper, NULL) == 0);
    for (int ended = 0; !ended;) {
        acquire();
        if (waiting) {
            waiting = 0;
            while (emu_clear_timeout(tid) != 1) {
                missed++;
                nap(50);
            }
        }
        ended = over;
        release();
        sched_yield();
    }
    CHECK(pthread_join(thread, NULL) == 0);
}

static void on_signal(int number) { (void)number; }

static atomic_int about;

static void *sleep_long(void *argument) {
    atomic_store(&tid, (int)syscall(SYS_gettid));
    atomic_store(&about, 1);
    CHECK(emu_set_infinite_timeout(NULL) == -EINTR);
    atomic_store(&about, 2);
    return argument;
}

int main(int argc, char **argv) {
    bad = argc > 1 && strcmp(argv[1], "bad") == 0;
    wake_all_rounds();
    if (bad) {
        printf("missed %ld sleepers\n", missed);
        return 0;
    }
    CHECK(missed == 0);
    for (int precise = 0; precise < 2; precise++) {
        long start = now_ns();
        lock_word = 1;
        CHECK(emu_set_timeout(start + 3 * MS, precise, &lock_word) == -ETIMEDOUT);
        CHECK(now_ns() >= start + 3 * MS && lock_word == 0);
    }
    CHECK(emu_set_timeout(-5, 1, NULL) == -ETIMEDOUT && emu_set_timeout(1L << 63, 0, NULL) == -ETIMEDOUT);
    CHECK(emu_set_timeout(0, 0, (volatile long *)8) == -EFAULT);
    CHECK(emu_set_timeout(0, 0, (volatile long *)((char *)&lock_word + 4)) == -EINVAL);
    CHECK(emu_clear_timeout((int)syscall(SYS_gettid)) == 0 && emu_clear_timeout(1 << 28) == -ESRCH);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, sleep_long, NULL) == 0);
    while (atomic_load(&about) != 2) {
        if (atomic_load(&about) == 1)
            syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
        nap(500);
    }
    CHECK(pthread_join(thread, NULL) == 0);
    return ok("timeouts");
}
