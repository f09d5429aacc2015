/* Pthreads on user threads: `-include kse_pthread.h` makes a program of one C file run on kse_threads.h unchanged.
 *
 * It starts before main; the environment says how: KSE_UPCALLS (1), KSE_STEALING (0), KSE_QUANTUM_US (10000).
 * There are no robust, shared or priority-inheriting mutexes. A signal to a thread finds it where it is blocked in the
 * kernel. Asynchronous cancellation comes with the end of the target's quantum. */
#ifndef KSE_PTHREAD_H
#define KSE_PTHREAD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <limits.h>
#include <semaphore.h>

#include "kse_threads.h"

static void __attribute__((constructor)) kse_start_before_main(void) {
    const char *upcalls = getenv("KSE_UPCALLS"), *stealing = getenv("KSE_STEALING"), *us = getenv("KSE_QUANTUM_US");
    struct kse_options o = {upcalls ? atoi(upcalls) : 1, stealing && atoi(stealing) ? KSE_STEALING : KSE_SHARED,
                            us ? strtoul(us, NULL, 10) * 1000 : KSE_QUANTUM_NS};
    if (kse_start_with(&o) != 0) {
        fprintf(stderr, "user threads cannot start\n");
        _Exit(98);
    }
}

/* A time of a clock, as one of CLOCK_MONOTONIC in ns. */
static inline uint64_t kse_deadline(const struct timespec *until, int clock) {
    struct timespec now;
    if (!until)
        return 0;
    if (clock == CLOCK_MONOTONIC)
        now = (struct timespec){0, 0};
    else
        clock_gettime(clock, &now);
    int64_t in = (until->tv_sec - now.tv_sec) * 1000000000 + until->tv_nsec - now.tv_nsec;
    if (clock != CLOCK_MONOTONIC)
        in += kse_now();
    return in > 0 ? in : 1;
}
static inline int kse_bad_time(const struct timespec *t) { return t->tv_nsec < 0 || t->tv_nsec >= 1000000000; }

/* --- threads ------------------------------------------------------------------------------------------------------ */
static inline int kse_p_equal(kse_t a, kse_t b) { return a == b; }
static inline int kse_p_cancel(kse_t t) { return kse_thread_cancel(t), 0; }
static inline int kse_raise(int number) {
    struct kse_thread *self = kse_enter(); /* not to be on another kernel thread in between */
    long result = syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
    kse_leave(self);
    return (int)result;
}
/* To the kernel thread in which it is blocked; where it is in none, to whichever. */
static inline int kse_p_kill(kse_t t, int number) {
    if ((unsigned)number >= NSIG)
        return EINVAL;
    if (number && t == kse_self)
        return kse_raise(number) ? errno : 0;
    if (number && kse_thr_interrupt(&t->mailbox, KSE_INTR_SENDSIG, number) != 0)
        return kill(getpid(), number) ? errno : 0;
    return 0;
}
static inline int kse_p_setcancelstate(int state, int *old) {
    if (old)
        *old = kse_self->cancel_disabled;
    return kse_self->cancel_disabled = state, 0;
}
static inline int kse_p_setcanceltype(int type, int *old) {
    if (old)
        *old = kse_self->cancel_async;
    return kse_self->cancel_async = type, 0;
}
static inline int kse_p_attr_init(struct kse_attributes *a) { return *a = (struct kse_attributes){0}, 0; }
static inline int kse_p_attr_destroy(struct kse_attributes *a) { return (void)a, 0; }
static inline int kse_p_attr_setdetachstate(struct kse_attributes *a, int d) { return a->detached = d, 0; }
static inline int kse_p_attr_getdetachstate(const struct kse_attributes *a, int *d) { return *d = a->detached, 0; }
static inline int kse_p_attr_setguardsize(struct kse_attributes *a, size_t n) { return (void)a, (void)n, 0; }
static inline int kse_p_attr_setstacksize(struct kse_attributes *a, size_t n) {
    return n < PTHREAD_STACK_MIN ? EINVAL : (a->stack_bytes = n, 0);
}
static inline int kse_p_attr_getstacksize(const struct kse_attributes *a, size_t *n) {
    return *n = a->stack_bytes ? a->stack_bytes : KSE_STACK, 0;
}
static inline int kse_gettid(void) { return kse_self->tid; }
KSE_INLINE int kse_p_yield(void) { return kse_yield(), 0; }
static inline int kse_p_once(kse_once_t *o, void (*f)(void)) { return kse_once(o, f), 0; }

/* --- locks -------------------------------------------------------------------------------------------------------- */
typedef struct { int type, clock; } kse_p_lockattr_t;
static inline int kse_p_lockattr_init(kse_p_lockattr_t *a) { return *a = (kse_p_lockattr_t){0, CLOCK_REALTIME}, 0; }
static inline int kse_p_lockattr_destroy(kse_p_lockattr_t *a) { return (void)a, 0; }
static inline int kse_p_lockattr_setclock(kse_p_lockattr_t *a, int clock) { return a->clock = clock, 0; }
static inline int kse_p_lockattr_setpshared(kse_p_lockattr_t *a, int on) { return (void)a, on ? ENOTSUP : 0; }
static inline int kse_p_lockattr_gettype(const kse_p_lockattr_t *a, int *type) { return *type = a->type, 0; }
static inline int kse_p_lockattr_settype(kse_p_lockattr_t *a, int type) {
    return (unsigned)type > KSE_ERRORCHECK ? EINVAL : (a->type = type, 0);
}

static inline int kse_p_mutex_init(kse_mutex_t *m, const kse_p_lockattr_t *a) {
    return kse_mutex_init(m, a ? a->type : KSE_NORMAL), 0;
}
static inline int kse_p_mutex_destroy(kse_mutex_t *m) { return (void)m, 0; }
static inline int kse_p_mutex_timedlock(kse_mutex_t *m, const struct timespec *until) {
    if (kse_mutex_trylock(m) == 0)
        return 0;
    return kse_bad_time(until) ? EINVAL : kse_mutex_timedlock(m, kse_deadline(until, CLOCK_REALTIME));
}

static inline int kse_p_cond_init(kse_cond_t *c, const kse_p_lockattr_t *a) {
    return *c = (kse_cond_t){.clock = a ? a->clock : CLOCK_REALTIME}, 0;
}
static inline int kse_p_cond_destroy(kse_cond_t *c) { return (void)c, 0; }
static inline int kse_p_cond_signal(kse_cond_t *c) { return kse_cond_signal(c), 0; }
static inline int kse_p_cond_broadcast(kse_cond_t *c) { return kse_cond_broadcast(c), 0; }
static inline int kse_p_cond_timedwait(kse_cond_t *c, kse_mutex_t *m, const struct timespec *until) {
    return kse_bad_time(until) ? EINVAL : kse_cond_timedwait(c, m, kse_deadline(until, c->clock));
}

static inline int kse_p_rwlock_init(kse_rwlock_t *l, const kse_p_lockattr_t *a) {
    return (void)a, *l = (kse_rwlock_t)KSE_RWLOCK_INITIALIZER, 0;
}
static inline int kse_p_rwlock_destroy(kse_rwlock_t *l) { return (void)l, 0; }
static inline int kse_p_rwlock_tryrdlock(kse_rwlock_t *l) { return kse_rwlock_lock(l, 0, 0, 0) ? EBUSY : 0; }
static inline int kse_p_rwlock_trywrlock(kse_rwlock_t *l) { return kse_rwlock_lock(l, 1, 0, 0) ? EBUSY : 0; }
static inline int kse_p_rwlock_timedrdlock(kse_rwlock_t *l, const struct timespec *until) {
    return kse_bad_time(until) ? EINVAL : kse_rwlock_lock(l, 0, 1, kse_deadline(until, CLOCK_REALTIME));
}
static inline int kse_p_rwlock_timedwrlock(kse_rwlock_t *l, const struct timespec *until) {
    return kse_bad_time(until) ? EINVAL : kse_rwlock_lock(l, 1, 1, kse_deadline(until, CLOCK_REALTIME));
}

static inline int kse_p_barrier_init(kse_barrier_t *b, const kse_p_lockattr_t *a, unsigned needed) {
    return (void)a, needed ? (kse_barrier_init(b, needed), 0) : EINVAL;
}
static inline int kse_p_barrier_destroy(kse_barrier_t *b) { return (void)b, 0; }
static inline int kse_p_barrier_wait(kse_barrier_t *b) {
    return kse_barrier_wait(b) ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

typedef int kse_p_spinlock_t;
static inline int kse_p_spin_init(kse_p_spinlock_t *s, int shared) { return (void)shared, *s = 0, 0; }
static inline int kse_p_spin_destroy(kse_p_spinlock_t *s) { return (void)s, 0; }
static inline int kse_p_spin_trylock(kse_p_spinlock_t *s) {
    return __atomic_exchange_n(s, 1, __ATOMIC_ACQUIRE) ? EBUSY : 0;
}
static inline int kse_p_spin_lock(kse_p_spinlock_t *s) {
    while (kse_p_spin_trylock(s))
        kse_yield(); /* who has it may be ready and not running */
    return 0;
}
static inline int kse_p_spin_unlock(kse_p_spinlock_t *s) { return __atomic_store_n(s, 0, __ATOMIC_RELEASE), 0; }

/* --- calls that set errno ----------------------------------------------------------------------------------------- */
static inline int kse_p_result(int error) { return error ? (errno = error, -1) : 0; }
static inline int kse_p_sem_init(kse_sem_t *s, int shared, unsigned value) {
    return value > SEM_VALUE_MAX ? kse_p_result(EINVAL)
         : shared ? kse_p_result(ENOSYS) : (*s = (kse_sem_t)KSE_SEM_INITIALIZER((int)value), 0);
}
static inline int kse_p_sem_destroy(kse_sem_t *s) { return (void)s, 0; }
static inline int kse_p_sem_wait(kse_sem_t *s) { return kse_p_result(kse_sem_wait(s)); }
static inline int kse_p_sem_trywait(kse_sem_t *s) { return kse_p_result(kse_sem_trywait(s)); }
static inline int kse_p_sem_timedwait(kse_sem_t *s, const struct timespec *until) {
    if (kse_sem_trywait(s) == 0)
        return 0;
    return kse_p_result(kse_bad_time(until) ? EINVAL : kse_sem_timedwait(s, 1, kse_deadline(until, CLOCK_REALTIME)));
}
static inline int kse_p_sem_post(kse_sem_t *s) { return kse_p_result(kse_sem_post(s)); }
static inline int kse_p_sem_getvalue(kse_sem_t *s, int *value) { return *value = s->value, 0; }

static inline int kse_p_clock_nanosleep(int clock, int flags, const struct timespec *t, struct timespec *left) {
    if (kse_bad_time(t) || t->tv_sec < 0)
        return EINVAL;
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
        return clock_nanosleep(clock, flags, t, left);
    kse_sleep_until(flags & TIMER_ABSTIME ? kse_deadline(t, clock)
                                          : kse_now() + (uint64_t)t->tv_sec * 1000000000 + t->tv_nsec);
    return 0;
}
static inline int kse_p_nanosleep(const struct timespec *t, struct timespec *left) {
    return kse_p_result(kse_p_clock_nanosleep(CLOCK_REALTIME, 0, t, left));
}
static inline int kse_p_usleep(unsigned us) { return kse_sleep_ns(us * 1000ul), 0; }
static inline unsigned kse_p_sleep(unsigned seconds) { return kse_sleep_ns(seconds * 1000000000ul), 0; }

#include "kse_names.h"

#endif
