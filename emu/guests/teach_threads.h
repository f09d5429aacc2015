/* Threads, a mutex and a condition variable for the lessons, by futex(2), in as few steps as can be: so all schedules of
 * a program can be played. The mutex: Drepper, Futexes Are Tricky (2011), the second one. */
#ifndef TEACH_THREADS_H
#define TEACH_THREADS_H

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "emu_explore.h"

enum { MOST_THREADS = 4 };

static inline void futex(atomic_long *word, int operation, long value) {
    syscall(SYS_futex, word, operation, value, 0);
}

/* --- threads: made before exploring begins, numbered from 1 --- */

static atomic_long is_alive[MOST_THREADS + 1]; /* the kernel clears it, and wakes who waits for it */
static void (*job_of[MOST_THREADS + 1])(long);

static void *begin_thread(void *self) {
    long k = (long)self;
    syscall(SYS_set_tid_address, &is_alive[k]);
    job_of[k](k);
    syscall(SYS_exit, 0);
    return 0;
}

/* Thread k, of a priority of SCHED_FIFO, 0: of none. */
static inline void start(long k, void (*job)(long), int priority) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (priority) {
        pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
        pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
        pthread_attr_setschedparam(&attributes, &(struct sched_param){.sched_priority = priority});
    }
    job_of[k] = job;
    is_alive[k] = 1;
    if (pthread_create(&thread, &attributes, begin_thread, (void *)k) != 0)
        _exit(2);
}

static inline void wait_for(long k) {
    while (atomic_load(&is_alive[k]))
        futex(&is_alive[k], FUTEX_WAIT, 1);
}

/* --- a mutex --- */

typedef atomic_long mutex; /* 0: free, 1: taken, 2: taken, and somebody may wait */

static inline void mutex_lock(mutex *m) {
    long free = 0;
    if (atomic_compare_exchange_strong(m, &free, 1))
        return;
    while (atomic_exchange(m, 2) != 0)
        futex(m, FUTEX_WAIT, 2);
}

static inline void mutex_unlock(mutex *m) {
    if (atomic_exchange(m, 0) == 2)
        futex(m, FUTEX_WAKE, 1);
}

/* --- one whose owner inherits the priority of those that wait; who they are is in the kernel (futex(2)) --- */

static inline void mutex_lock_pi(mutex *m) {
    long free = 0;
    if (!atomic_compare_exchange_strong(m, &free, syscall(SYS_gettid)))
        futex(m, FUTEX_LOCK_PI, 0);
}

static inline void mutex_unlock_pi(mutex *m) {
    long own = syscall(SYS_gettid);
    if (!atomic_compare_exchange_strong(m, &own, 0))
        futex(m, FUTEX_UNLOCK_PI, 0);
}

/* --- a condition variable: how many signals there have been --- */

typedef atomic_long condition;

static inline void condition_wait(condition *c, mutex *m) {
    long signals = atomic_load(c);
    mutex_unlock(m);
    futex(c, FUTEX_WAIT, signals);
    mutex_lock(m);
}

static inline void condition_signal(condition *c) {
    atomic_fetch_add(c, 1);
    futex(c, FUTEX_WAKE, 1);
}

#endif
