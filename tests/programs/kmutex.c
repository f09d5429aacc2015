/* Kernel mutexes and wait queues (cz-6): exclusion, hand-over, and sleepers that are signalled and suspended meanwhile.
 * `kmutex bad`: a control; who sleeps unlocks the mutex before it is in the queue, and wake-ups are lost. */
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

enum { THREADS = 4, LAPS = 40, ROUNDS = 500 };
enum { M, OTHER, QUEUE = 5 };

static long counter, inside, interrupted;
static atomic_int tids[THREADS], running, done;

static void nap(long us) {
    struct timespec time = {0, us * 1000};
    nanosleep(&time, NULL);
}

static void on_signal(int number) { (void)number; }

static void lock(int mutex) {
    long result;
    while ((result = emu_mutex_lock(mutex)) == -EINTR)
        __atomic_add_fetch(&interrupted, 1, __ATOMIC_RELAXED);
    CHECK(result == 0);
}

static void *add(void *argument) {
    int k = (int)(long)argument;
    tids[k] = (int)syscall(SYS_gettid);
    atomic_fetch_add(&running, 1);
    for (int lap = 0; lap < LAPS; lap++) {
        lock(M);
        CHECK(inside++ == 0);
        counter++;
        if (lap % 3 == 0)
            sched_yield(); /* others queue up */
        CHECK(--inside == 0);
        CHECK(emu_mutex_unlock(M) == 0);
    }
    atomic_fetch_add(&done, 1);
    while (atomic_load(&done) <= THREADS)
        nap(200);
    return argument;
}

/* Threads that lock, while signals and suspends end their sleeps: the mutex goes from one to the next all the same. */
static void hammer(void) {
    pthread_t threads[THREADS];
    unsigned random = 12345;
    for (long k = 0; k < THREADS; k++)
        CHECK(pthread_create(&threads[k], NULL, add, (void *)k) == 0);
    while (atomic_load(&running) < THREADS)
        nap(100);
    while (atomic_load(&done) < THREADS) {
        random = random * 1103515245 + 12345;
        int tid = tids[(random >> 16) % THREADS];
        if (random & 1 << 24)
            syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
        else if (emu_suspend(tid) == 0)
            CHECK(emu_resume(tid) == 0);
        nap(50);
    }
    atomic_fetch_add(&done, 1);
    for (int k = 0; k < THREADS; k++)
        CHECK(pthread_join(threads[k], NULL) == 0);
    CHECK(counter == (long)THREADS * LAPS);
    CHECK(emu_mutex_trylock(M) == 0 && emu_mutex_unlock(M) == 0);
}

struct waiter {
    pthread_t thread;
    atomic_int tid, about, over;
    long result;
};

static void *wait_for_mutex(void *argument) {
    struct waiter *w = argument;
    w->tid = (int)syscall(SYS_gettid);
    atomic_store(&w->about, 1);
    w->result = emu_mutex_lock(M);
    atomic_store(&w->over, 1);
    if (w->result == 0)
        nap(1000);
    return NULL; /* what it owns is handed over when it ends */
}

static void start(struct waiter *w, void *(*body)(void *)) {
    memset(w, 0, sizeof *w);
    CHECK(pthread_create(&w->thread, NULL, body, w) == 0);
    while (!atomic_load(&w->about))
        nap(100);
    nap(3000); /* it sleeps now, if the host lets it; the outcome is the same if not */
}

static void interrupted_waiters_leave_the_queue(void) {
    struct waiter first, second, third;
    CHECK(emu_mutex_lock(M) == 0);
    CHECK(emu_mutex_lock(M) == -EDEADLK);
    start(&first, wait_for_mutex);
    start(&second, wait_for_mutex);
    start(&third, wait_for_mutex);
    while (!atomic_load(&first.over)) { /* again: the signal may come before it sleeps */
        syscall(SYS_tgkill, getpid(), first.tid, SIGUSR1);
        nap(1000);
    }
    CHECK(first.result == -EINTR);
    while (!atomic_load(&second.over)) {
        if (emu_suspend(second.tid) == 0) {
            nap(1000);
            CHECK(!atomic_load(&second.over)); /* suspended */
            CHECK(emu_resume(second.tid) == 0);
        }
        nap(1000);
    }
    CHECK(second.result == -EINTR);
    CHECK(!atomic_load(&third.over));
    CHECK(emu_mutex_unlock(M) == 0);
    CHECK(emu_mutex_unlock(M) == -EPERM); /* it is the third's */
    CHECK(pthread_join(third.thread, NULL) == 0 && third.result == 0);
    CHECK(emu_mutex_lock(M) == 0 && emu_mutex_unlock(M) == 0); /* which ended with it */
    CHECK(pthread_join(first.thread, NULL) == 0 && pthread_join(second.thread, NULL) == 0);
}

static int flag, waiting, bad;
static long lost;

static void *consume(void *argument) {
    for (int k = 0; k < ROUNDS; k++) {
        lock(OTHER);
        while (!flag) {
            waiting = 1;
            if (bad) {
                CHECK(emu_mutex_unlock(OTHER) == 0);
                sched_yield();
                CHECK(emu_queue_sleep(QUEUE, -1) == 0);
            } else {
                CHECK(emu_queue_sleep(QUEUE, OTHER) == 0);
            }
            lock(OTHER);
        }
        flag = 0;
        CHECK(emu_mutex_unlock(OTHER) == 0);
    }
    return argument;
}

/* Who finds the note that somebody waits finds it in the queue too. */
static void produce(void) {
    pthread_t consumer;
    CHECK(pthread_create(&consumer, NULL, consume, NULL) == 0);
    for (int k = 0; k < ROUNDS;) {
        lock(OTHER);
        if (!flag) {
            flag = 1;
            k++;
            if (waiting) {
                waiting = 0;
                while (emu_queue_wake(QUEUE, 1) != 1) {
                    lost++;
                    nap(50);
                }
            }
        }
        CHECK(emu_mutex_unlock(OTHER) == 0);
        if (k % 4 == 0)
            sched_yield();
    }
    CHECK(pthread_join(consumer, NULL) == 0);
}

int main(int argc, char **argv) {
    bad = argc > 1 && strcmp(argv[1], "bad") == 0;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    produce();
    if (bad) {
        printf("lost %ld wake-ups\n", lost);
        return 0;
    }
    CHECK(lost == 0);
    interrupted_waiters_leave_the_queue();
    hammer();
    CHECK(emu_mutex_trylock(M) == 0 && emu_mutex_trylock(M) == -EBUSY && emu_mutex_unlock(M) == 0);
    CHECK(emu_mutex_lock(8) == -EINVAL && emu_mutex_lock(-1) == -EINVAL && emu_queue_wake(1 << 20, 1) == -EINVAL);
    CHECK(emu_mutex_unlock(OTHER) == -EPERM);
    CHECK(emu_queue_sleep(QUEUE, OTHER) == -EINVAL); /* not the caller's */
    CHECK(emu_queue_wake(QUEUE, 100) == 0);
    return ok("kmutex");
}
