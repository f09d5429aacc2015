/* What the thread library consists of: user threads, virtual processors, and the ready queues between them.
 * Part of kse_threads.h, which says how it all works.
 *
 * Two back ends share this text. With one shared queue all virtual processors use queue 0: the ready thread of the
 * highest priority is always the next. With work stealing each uses a queue of its own, and looks into the others' when
 * that is empty: they meet at a lock less often, and priorities hold within a queue only. */
#ifndef KSE_QUEUE_H
#define KSE_QUEUE_H

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>

#include "emu.h"
#include "emu_kse.h"

enum { KSE_PRIORITIES = 8, KSE_PRIORITY = 3, KSE_MAX_UPCALLS = 64, KSE_KEYS = 32 };
enum { KSE_SHARED, KSE_STEALING }; /* the back ends */

#define KSE_INLINE static inline __attribute__((always_inline, unused))
#define KSE_FUNCTION static __attribute__((noinline, unused))

/* --- spin locks ------------------------------------------------------------------------------------------------------
 * Held in critical regions only (kse_switch.h), so by who has a virtual processor, and for a few instructions. The
 * kernel may still run something else on the holder's CPU: who waits gives its own away. */
typedef int kse_spin_t;

KSE_FUNCTION void kse_spin_wait(kse_spin_t *lock) {
    for (int round = 0; __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE); round++)
        while (__atomic_load_n(lock, __ATOMIC_RELAXED))
            if (++round > 50)
                sched_yield();
}
KSE_INLINE void kse_spin_lock(kse_spin_t *lock) {
    if (__builtin_expect(__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE), 0))
        kse_spin_wait(lock);
}
KSE_INLINE void kse_spin_unlock(kse_spin_t *lock) { __atomic_store_n(lock, 0, __ATOMIC_RELEASE); }

/* --- user threads ----------------------------------------------------------------------------------------------------
 * Guards: "own" is changed by the thread itself, "run" by who makes it run or stop, in that order. */
struct kse_thread;
struct kse_waiters {
    struct kse_thread *first, *last;
};
struct kse_cleanup {
    void (*function)(void *);
    void *argument;
    struct kse_cleanup *next;
};
struct kse_thread {
    struct kse_thr_mailbox mailbox;
    /* One line of a cache, which each switch uses. */
    unsigned long pc, sp, s0, tp;   /* with which the library's own switch goes on as it; run */
    struct kse_vp *vp;              /* on which it runs; run */
    struct kse_thread *next_ready;  /* in a ready queue; a thread that timed out is in a list of waiters still */
    int saved;                      /* its context is complete, whoever takes it may go on as it; run */
    int full;                       /* the context came from the kernel, with all registers; run */
    unsigned char priority;         /* 0 … KSE_PRIORITIES - 1, the highest; own */
    unsigned char in_call, cancelled; /* kse_calls.h */
    struct kse_thread *next, *previous; /* in a list of waiters, or in the pool */
    /* Sleep (kse_wait.h). */
    int waiting;                    /* KSE_AWAKE, …: who changes it from another value may make the thread ready */
    int reason;                     /* why it was woken: 0, ETIMEDOUT, EINTR */
    int queued;                     /* it is in a list of waiters; that list's lock */
    int timed;                      /* it is in the heap of time-outs; kse.timer_lock, as the next four */
    uint64_t deadline_ns;
    struct kse_thread *heap_child, *heap_next, *heap_previous;
    /* Life (kse_thread.h). */
    void *(*function)(void *);
    void *argument, *result;
    kse_spin_t lock; /* guards the next three */
    int ended, detached;
    struct kse_waiters joiners;
    /* Cancellation (kse_calls.h). */
    int cancel_disabled, cancel_async;
    struct kse_cleanup *cleanup; /* own, as what follows */
    int keys_used;
    void *keys[KSE_KEYS];
    /* Memory (kse_memory.h), the same for all threads that have this record. */
    int size_class, tid;
    char *td, *stack, *stack_top;
};
typedef struct kse_thread *kse_t;

/* --- ready queues ------------------------------------------------------------------------------------------------- */
struct kse_queue {
    kse_spin_t lock; /* guards the rest; count may be read without */
    int count, best; /* no level above `best` has a thread */
    struct kse_waiters levels[KSE_PRIORITIES];
} __attribute__((aligned(64)));

/* A virtual processor: an upcall, and what runs on it while no user thread does. */
struct kse_vp {
    struct kse_mailbox mailbox;
    struct kse_queue *queue; /* that it puts threads into */
    struct kse_thread *idle; /* the upcall's own stack and TLS; never in a queue */
    unsigned long upcalls;
} __attribute__((aligned(64)));

static struct {
    int nr_vps, nr_queues, live; /* live: user threads that have not ended */
    int forked;                  /* this is a child, in which the library has not been needed yet */
    uint64_t idle;               /* bit n: virtual processor n is about to be released, or is (kse_switch.h) */
    kse_spin_t timer_lock;       /* guards the heap */
    struct kse_thread *timers;
    struct kse_vp vps[KSE_MAX_UPCALLS];
    struct kse_queue queues[KSE_MAX_UPCALLS];
} kse;

KSE_INLINE void kse_append(struct kse_waiters *list, struct kse_thread *t) {
    t->next = NULL;
    t->previous = list->last;
    if (list->last)
        list->last->next = t;
    else
        list->first = t;
    list->last = t;
}
KSE_INLINE void kse_remove(struct kse_waiters *list, struct kse_thread *t) {
    *(t->previous ? &t->previous->next : &list->first) = t->next;
    *(t->next ? &t->next->previous : &list->last) = t->previous;
}

/* Both with the queue's lock held. */
KSE_INLINE void kse_push(struct kse_queue *q, struct kse_thread *t) {
    int level = t->priority;
    struct kse_waiters *list = &q->levels[level];
    t->next_ready = NULL;
    if (list->last)
        list->last->next_ready = t;
    else
        list->first = t;
    list->last = t;
    if (level > q->best)
        q->best = level;
    q->count++;
}
KSE_INLINE struct kse_thread *kse_pop(struct kse_queue *q) {
    int level = q->best;
    while (!q->levels[level].first)
        level--;
    struct kse_waiters *list = &q->levels[level];
    struct kse_thread *t = list->first;
    list->first = t->next_ready;
    if (!list->first)
        list->last = NULL;
    q->best = --q->count ? level : 0;
    return t;
}

KSE_INLINE void kse_put(struct kse_vp *vp, struct kse_thread *t) {
    kse_spin_lock(&vp->queue->lock);
    kse_push(vp->queue, t);
    kse_spin_unlock(&vp->queue->lock);
}

KSE_INLINE struct kse_thread *kse_take_from(struct kse_queue *q) {
    struct kse_thread *t = NULL;
    if (__atomic_load_n(&q->count, __ATOMIC_RELAXED) == 0)
        return NULL;
    kse_spin_lock(&q->lock);
    if (q->count)
        t = kse_pop(q);
    kse_spin_unlock(&q->lock);
    return t;
}

/* The next thread for a virtual processor, from another queue where its own is empty: NULL where all are. */
KSE_FUNCTION struct kse_thread *kse_steal(struct kse_vp *vp) {
    struct kse_thread *t = NULL;
    for (int n = 1; !t && n < kse.nr_queues; n++)
        t = kse_take_from(&kse.queues[(vp->queue - kse.queues + n) % kse.nr_queues]);
    return t;
}
KSE_INLINE struct kse_thread *kse_take(struct kse_vp *vp) {
    struct kse_thread *t = kse_take_from(vp->queue);
    return t || kse.nr_queues == 1 ? t : kse_steal(vp);
}

/* Put `t` behind those of its priority, and take the next: `t` itself where no other one has this priority or more. */
KSE_INLINE struct kse_thread *kse_rotate(struct kse_vp *vp, struct kse_thread *t) {
    struct kse_queue *q = vp->queue;
    if (__atomic_load_n(&q->count, __ATOMIC_RELAXED) == 0)
        return t;
    kse_spin_lock(&q->lock);
    if (q->count) {
        kse_push(q, t);
        t = kse_pop(q);
    }
    kse_spin_unlock(&q->lock);
    return t;
}

static int kse_any_ready(void) {
    for (int n = 0; n < kse.nr_queues; n++)
        if (__atomic_load_n(&kse.queues[n].count, __ATOMIC_RELAXED))
            return 1;
    return 0;
}

#endif
