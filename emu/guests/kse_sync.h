/* Mutexes, conditions, semaphores, read-write locks, barriers, once. Part of kse_threads.h.
 * Each is a spin lock, a state, and a list of user threads; zeroed memory is an unlocked one. The times are of
 * CLOCK_MONOTONIC, in ns, 0 for none; the errors are those of pthreads. */
#ifndef KSE_SYNC_H
#define KSE_SYNC_H

#include <limits.h>

#include "kse_thread.h"

/* --- mutex -------------------------------------------------------------------------------------------------------- */
enum { KSE_NORMAL, KSE_RECURSIVE, KSE_ERRORCHECK };
/* `owner` is the thread that has it, with the lowest bit where others may wait. While that bit is clear it is locked
 * and unlocked by one compare-and-swap; the bit is changed under `lock`. An unlocked mutex with waiters belongs to
 * whoever comes first: the one that was woken tries again. */
typedef struct {
    uintptr_t owner;
    kse_spin_t lock;
    int type, count;
    struct kse_waiters waiters;
} kse_mutex_t;
#define KSE_MUTEX_INITIALIZER {0, 0, KSE_NORMAL, 0, {NULL, NULL}}
enum { KSE_MUTEX_WAITERS = 1 };

KSE_INLINE int kse_mutex_take(kse_mutex_t *m, struct kse_thread *self) {
    uintptr_t nobody = 0;
    return __atomic_compare_exchange_n(&m->owner, &nobody, (uintptr_t)self, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}
static int kse_mutex_is_own(kse_mutex_t *m, struct kse_thread *self) {
    return (__atomic_load_n(&m->owner, __ATOMIC_RELAXED) & ~(uintptr_t)KSE_MUTEX_WAITERS) == (uintptr_t)self;
}
/* In a critical region. */
KSE_FUNCTION int kse_mutex_lock_slowly(kse_mutex_t *m, struct kse_thread *self, uint64_t deadline_ns) {
    int error = 0;
    if (m->type != KSE_NORMAL && kse_mutex_is_own(m, self)) {
        if (m->type == KSE_ERRORCHECK)
            return EDEADLK;
        m->count++;
        return 0;
    }
    while (!error) {
        kse_spin_lock(&m->lock);
        uintptr_t owner = __atomic_load_n(&m->owner, __ATOMIC_RELAXED);
        uintptr_t wanted = owner > KSE_MUTEX_WAITERS ? owner | KSE_MUTEX_WAITERS : owner | (uintptr_t)self;
        if (!__atomic_compare_exchange_n(&m->owner, &owner, wanted, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            kse_spin_unlock(&m->lock);
        } else if (owner <= KSE_MUTEX_WAITERS) {
            kse_spin_unlock(&m->lock);
            return 0;
        } else {
            error = kse_sleep_in(self, &m->lock, &m->waiters, deadline_ns, 0);
        }
    }
    return error;
}
KSE_FUNCTION void kse_mutex_unlock_slowly(kse_mutex_t *m, struct kse_thread *self) {
    kse_spin_lock(&m->lock);
    struct kse_thread *t = kse_claim_first(&m->waiters);
    __atomic_store_n(&m->owner, m->waiters.first ? KSE_MUTEX_WAITERS : 0, __ATOMIC_RELEASE);
    kse_spin_unlock(&m->lock);
    if (t)
        kse_ready(self->vp, t);
}
/* In a critical region, or in none: then it enters one. The mutex is the caller's, and count is 0. */
KSE_INLINE void kse_mutex_release(kse_mutex_t *m, struct kse_thread *self, int critical) {
    uintptr_t own = (uintptr_t)self;
    if (__atomic_compare_exchange_n(&m->owner, &own, 0, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        return;
    if (!critical)
        kse_enter();
    kse_mutex_unlock_slowly(m, self);
    if (!critical)
        kse_leave(self);
}

static inline int kse_mutex_timedlock(kse_mutex_t *m, uint64_t deadline_ns) {
    struct kse_thread *self = kse_self;
    if (kse_mutex_take(m, self))
        return 0;
    kse_enter();
    int error = kse_mutex_lock_slowly(m, self, deadline_ns);
    kse_leave(self);
    return error;
}
static inline int kse_mutex_lock(kse_mutex_t *m) { return kse_mutex_timedlock(m, 0); }
static inline int kse_mutex_trylock(kse_mutex_t *m) {
    struct kse_thread *self = kse_self;
    uintptr_t owner = KSE_MUTEX_WAITERS;
    uintptr_t own = (uintptr_t)self | KSE_MUTEX_WAITERS;
    if (kse_mutex_take(m, self) ||
        __atomic_compare_exchange_n(&m->owner, &owner, own, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return 0;
    if (m->type != KSE_RECURSIVE || !kse_mutex_is_own(m, self))
        return EBUSY;
    m->count++;
    return 0;
}
static inline int kse_mutex_unlock(kse_mutex_t *m) {
    struct kse_thread *self = kse_self;
    if (m->type != KSE_NORMAL) {
        if (!kse_mutex_is_own(m, self))
            return EPERM;
        if (m->count) {
            m->count--;
            return 0;
        }
    }
    kse_mutex_release(m, self, 0);
    return 0;
}
static inline void kse_mutex_init(kse_mutex_t *m, int type) { *m = (kse_mutex_t){.type = type}; }

/* --- condition ---------------------------------------------------------------------------------------------------- */
typedef struct {
    kse_spin_t lock;
    int clock; /* for kse_pthread.h */
    struct kse_waiters waiters;
} kse_cond_t;
#define KSE_COND_INITIALIZER {0, 0, {NULL, NULL}}

/* 0, also where nothing was signalled; ETIMEDOUT. A cancellation point: the mutex is held in the clean-up handlers. */
KSE_FUNCTION int kse_cond_timedwait(kse_cond_t *c, kse_mutex_t *m, uint64_t deadline_ns) {
    struct kse_thread *self = kse_self;
    if (m->type != KSE_NORMAL && !kse_mutex_is_own(m, self))
        return EPERM;
    kse_testcancel();
    kse_enter();
    int count = m->count;
    kse_spin_lock(&c->lock); /* before the mutex is unlocked: who signals afterwards finds the waiter */
    m->count = 0;
    kse_mutex_release(m, self, 1);
    int error = kse_sleep_in(self, &c->lock, &c->waiters, deadline_ns, !self->cancel_disabled);
    if (!kse_mutex_take(m, self))
        kse_mutex_lock_slowly(m, self, 0);
    m->count = count;
    kse_leave(self);
    if (error == EINTR)
        kse_testcancel();
    return error == EINTR ? 0 : error;
}
/* Wake one, or all. In a critical region; the lock is held, and gets released. */
KSE_FUNCTION void kse_wake_some(struct kse_thread *self, kse_spin_t *lock, struct kse_waiters *list, int all) {
    struct kse_thread *t, *woken = NULL, **end = &woken;
    while ((t = kse_claim_first(list)) != NULL) {
        t->next = NULL;
        *end = t;
        end = &t->next;
        if (!all)
            break;
    }
    kse_spin_unlock(lock);
    while ((t = woken) != NULL) {
        woken = t->next;
        kse_ready(self->vp, t);
    }
}
KSE_FUNCTION void kse_cond_wake(kse_cond_t *c, int all) {
    struct kse_thread *self = kse_enter();
    kse_spin_lock(&c->lock);
    kse_wake_some(self, &c->lock, &c->waiters, all);
    kse_leave(self);
}
static inline int kse_cond_wait(kse_cond_t *c, kse_mutex_t *m) { return kse_cond_timedwait(c, m, 0); }
static inline void kse_cond_signal(kse_cond_t *c) { kse_cond_wake(c, 0); }
static inline void kse_cond_broadcast(kse_cond_t *c) { kse_cond_wake(c, 1); }

/* --- semaphore ---------------------------------------------------------------------------------------------------- */
typedef struct {
    kse_spin_t lock;
    int value;
    struct kse_waiters waiters;
} kse_sem_t;
#define KSE_SEM_INITIALIZER(value) {0, value, {NULL, NULL}}

/* 0; ETIMEDOUT; EAGAIN where it would have to wait and `wait` is 0. A cancellation point. */
KSE_FUNCTION int kse_sem_timedwait(kse_sem_t *s, int wait, uint64_t deadline_ns) {
    int error = 0;
    kse_testcancel();
    struct kse_thread *self = kse_enter();
    kse_spin_lock(&s->lock);
    if (s->value > 0) {
        s->value--;
        kse_spin_unlock(&s->lock);
    } else if (!wait) {
        kse_spin_unlock(&s->lock);
        error = EAGAIN;
    } else { /* who posts hands it over */
        error = kse_sleep_in(self, &s->lock, &s->waiters, deadline_ns, !self->cancel_disabled);
    }
    kse_leave(self);
    if (error == EINTR)
        kse_testcancel();
    return error;
}
static inline int kse_sem_wait(kse_sem_t *s) { return kse_sem_timedwait(s, 1, 0); }
static inline int kse_sem_trywait(kse_sem_t *s) { return kse_sem_timedwait(s, 0, 0); }
/* 0; EOVERFLOW. */
KSE_FUNCTION int kse_sem_post(kse_sem_t *s) {
    struct kse_thread *self = kse_enter();
    int error = 0;
    kse_spin_lock(&s->lock);
    struct kse_thread *t = kse_claim_first(&s->waiters);
    if (!t && s->value == INT_MAX)
        error = EOVERFLOW;
    else if (!t)
        s->value++;
    kse_spin_unlock(&s->lock);
    if (t)
        kse_ready(self->vp, t);
    kse_leave(self);
    return error;
}

/* --- read-write lock ---------------------------------------------------------------------------------------------- */
/* Readers wait behind writers that wait, so that these get their turn. */
typedef struct {
    kse_spin_t lock;
    int readers;              /* that have it */
    struct kse_thread *writer; /* that has it */
    int waiting_writers;
    struct kse_waiters want_read, want_write;
} kse_rwlock_t;
#define KSE_RWLOCK_INITIALIZER {0, 0, NULL, 0, {NULL, NULL}, {NULL, NULL}}

/* 0; EBUSY where it would have to wait and `wait` is 0; EDEADLK; ETIMEDOUT. */
KSE_FUNCTION int kse_rwlock_lock(kse_rwlock_t *l, int write, int wait, uint64_t deadline_ns) {
    struct kse_thread *self = kse_enter();
    int error = 0, waited = 0;
    for (;;) {
        kse_spin_lock(&l->lock);
        l->waiting_writers -= waited;
        waited = 0;
        if (write ? !l->writer && !l->readers : !l->writer && !l->waiting_writers) {
            if (write)
                l->writer = self;
            else
                l->readers++;
            error = 0;
            break;
        }
        if (!error && l->writer == self)
            error = EDEADLK;
        if (!error && !wait)
            error = EBUSY;
        if (error)
            break;
        waited = write;
        l->waiting_writers += waited;
        error = kse_sleep_in(self, &l->lock, write ? &l->want_write : &l->want_read, deadline_ns, 0);
    }
    if (error && write && !l->waiting_writers && !l->writer) /* readers may have waited behind it alone */
        kse_wake_some(self, &l->lock, &l->want_read, 1);
    else
        kse_spin_unlock(&l->lock);
    kse_leave(self);
    return error;
}
KSE_FUNCTION int kse_rwlock_unlock(kse_rwlock_t *l) {
    struct kse_thread *self = kse_enter();
    kse_spin_lock(&l->lock);
    if (l->writer)
        l->writer = NULL;
    else
        l->readers--;
    int writers = l->want_write.first != NULL;
    if (l->readers)
        kse_spin_unlock(&l->lock);
    else
        kse_wake_some(self, &l->lock, writers ? &l->want_write : &l->want_read, !writers);
    kse_leave(self);
    return 0;
}
static inline int kse_rwlock_rdlock(kse_rwlock_t *l) { return kse_rwlock_lock(l, 0, 1, 0); }
static inline int kse_rwlock_wrlock(kse_rwlock_t *l) { return kse_rwlock_lock(l, 1, 1, 0); }

/* --- barrier ------------------------------------------------------------------------------------------------------ */
typedef struct {
    kse_spin_t lock;
    unsigned needed, here;
    struct kse_waiters waiters;
} kse_barrier_t;

static inline void kse_barrier_init(kse_barrier_t *b, unsigned needed) { *b = (kse_barrier_t){.needed = needed}; }
/* 1 for the last one that comes, 0 for the others. */
KSE_FUNCTION int kse_barrier_wait(kse_barrier_t *b) {
    struct kse_thread *self = kse_enter();
    kse_spin_lock(&b->lock);
    int last = ++b->here == b->needed;
    if (last) {
        b->here = 0;
        kse_wake_some(self, &b->lock, &b->waiters, 1);
    } else {
        kse_sleep_in(self, &b->lock, &b->waiters, 0, 0);
    }
    kse_leave(self);
    return last;
}

/* --- once --------------------------------------------------------------------------------------------------------- */
enum { KSE_NOT_YET, KSE_BEING_DONE, KSE_DONE };
typedef struct {
    kse_spin_t lock;
    int state;
    struct kse_waiters waiters;
} kse_once_t;
#define KSE_ONCE_INITIALIZER {0, KSE_NOT_YET, {NULL, NULL}}

static void kse_once_end(kse_once_t *once, int state) {
    struct kse_thread *self = kse_enter();
    kse_spin_lock(&once->lock);
    __atomic_store_n(&once->state, state, __ATOMIC_RELEASE);
    kse_wake_some(self, &once->lock, &once->waiters, 1);
    kse_leave(self);
}
static void kse_once_undo(void *once) { kse_once_end(once, KSE_NOT_YET); }

KSE_FUNCTION void kse_once(kse_once_t *once, void (*function)(void)) {
    if (__atomic_load_n(&once->state, __ATOMIC_ACQUIRE) == KSE_DONE)
        return;
    struct kse_thread *self = kse_enter();
    kse_spin_lock(&once->lock);
    while (once->state == KSE_BEING_DONE) {
        kse_sleep_in(self, &once->lock, &once->waiters, 0, 0);
        kse_spin_lock(&once->lock);
    }
    int mine = once->state == KSE_NOT_YET;
    if (mine)
        once->state = KSE_BEING_DONE;
    kse_spin_unlock(&once->lock);
    kse_leave(self);
    if (mine) {
        struct kse_cleanup undo = {kse_once_undo, once, self->cleanup}; /* cancelled in it: the next one does it */
        self->cleanup = &undo;
        function();
        self->cleanup = undo.next;
        kse_once_end(once, KSE_DONE);
    }
}

#endif
