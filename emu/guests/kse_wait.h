/* User threads that sleep, without the kernel: lists of waiters, time-outs, and who may wake a thread.
 * Part of kse_threads.h.
 *
 * A sleeping thread may be woken by who takes it from a list, by its time-out, and by a cancellation. THREAD.waiting
 * says who does: the one that changes it to KSE_AWAKE, by compare-and-swap, makes the thread ready, and nobody else.
 * The thread leaves the list and the heap itself where it still is in them, under their locks: so who finds it there
 * under the lock finds it in this sleep and not in a later one. */
#ifndef KSE_WAIT_H
#define KSE_WAIT_H

#include "kse_switch.h"

enum { KSE_AWAKE, KSE_WAITS, KSE_WAITS_CANCELLABLE };

/* --- the heap of deadlines: a pairing heap, so that it needs no memory of its own --------------------------------- */
static struct kse_thread *kse_heap_merge(struct kse_thread *a, struct kse_thread *b) {
    if (!a || !b)
        return a ? a : b;
    if (b->deadline_ns < a->deadline_ns) {
        struct kse_thread *later = a;
        a = b;
        b = later;
    }
    b->heap_next = a->heap_child;
    if (b->heap_next)
        b->heap_next->heap_previous = b;
    b->heap_previous = a;
    a->heap_child = b;
    return a;
}
/* Of brothers, in pairs from the left, then from the right: that keeps it balanced. */
static struct kse_thread *kse_heap_merge_all(struct kse_thread *first) {
    struct kse_thread *pairs = NULL, *heap = NULL;
    while (first) {
        struct kse_thread *a = first, *b = a->heap_next;
        first = b ? b->heap_next : NULL;
        a->heap_next = NULL;
        if (b)
            b->heap_next = NULL;
        a = kse_heap_merge(a, b);
        a->heap_next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct kse_thread *following = pairs->heap_next;
        pairs->heap_next = NULL;
        heap = kse_heap_merge(heap, pairs);
        pairs = following;
    }
    if (heap)
        heap->heap_previous = NULL;
    return heap;
}
/* All with timer_lock held. */
static void kse_heap_remove(struct kse_thread *t) {
    struct kse_thread *children = kse_heap_merge_all(t->heap_child);
    t->timed = 0;
    if (t == kse.timers) {
        kse.timers = children;
        return;
    }
    if (t->heap_previous->heap_child == t)
        t->heap_previous->heap_child = t->heap_next;
    else
        t->heap_previous->heap_next = t->heap_next;
    if (t->heap_next)
        t->heap_next->heap_previous = t->heap_previous;
    kse.timers = kse_heap_merge(kse.timers, children);
}
static void kse_heap_add(struct kse_thread *t) {
    t->heap_child = t->heap_next = t->heap_previous = NULL;
    t->timed = 1;
    kse.timers = kse_heap_merge(kse.timers, t);
}

static uint64_t kse_first_deadline(void) {
    uint64_t first = 0;
    if (__atomic_load_n(&kse.timers, __ATOMIC_RELAXED)) {
        kse_spin_lock(&kse.timer_lock);
        if (kse.timers)
            first = kse.timers->deadline_ns;
        kse_spin_unlock(&kse.timer_lock);
    }
    return first;
}

/* --- waking ------------------------------------------------------------------------------------------------------- */
/* Whether the caller is the one that makes this thread ready. */
KSE_INLINE int kse_claim(struct kse_thread *t, int waiting, int reason) {
    if (!__atomic_compare_exchange_n(&t->waiting, &waiting, KSE_AWAKE, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        return 0;
    t->reason = reason;
    return 1;
}
KSE_INLINE int kse_claim_any(struct kse_thread *t, int reason) {
    return kse_claim(t, KSE_WAITS, reason) || kse_claim(t, KSE_WAITS_CANCELLABLE, reason);
}

/* The first thread of a list that was not woken by another reason, taken out and claimed; NULL: none. The list's lock
 * is held; the caller makes the thread ready once it has released that. */
KSE_INLINE struct kse_thread *kse_claim_first(struct kse_waiters *list) {
    struct kse_thread *t;
    while ((t = list->first) != NULL) {
        kse_remove(list, t);
        __atomic_store_n(&t->queued, 0, __ATOMIC_RELAXED);
        if (kse_claim_any(t, 0))
            return t;
    }
    return NULL;
}

static void kse_expire(struct kse_vp *vp, uint64_t now) {
    struct kse_waiters woken = {NULL, NULL};
    struct kse_thread *t;
    if (!__atomic_load_n(&kse.timers, __ATOMIC_RELAXED))
        return;
    kse_spin_lock(&kse.timer_lock);
    while ((t = kse.timers) != NULL && t->deadline_ns <= now) {
        kse_heap_remove(t);
        if (kse_claim_any(t, ETIMEDOUT)) {
            t->heap_next = woken.first; /* `next` may be in use by the list in which it waits */
            woken.first = t;
        }
    }
    kse_spin_unlock(&kse.timer_lock);
    while ((t = woken.first) != NULL) {
        woken.first = t->heap_next;
        kse_ready(vp, t);
    }
}

/* --- sleeping ----------------------------------------------------------------------------------------------------- */
/* Sleep in a list (NULL: in none), whose lock is held and gets released. 0: woken; ETIMEDOUT; EINTR: cancelled.
 * The critical region goes on; deadline_ns 0: none. */
KSE_FUNCTION int kse_sleep_in(struct kse_thread *self, kse_spin_t *lock, struct kse_waiters *list, uint64_t deadline_ns,
                              int cancellable) {
    int earliest = 0;
    self->reason = 0;
    if (list) {
        kse_append(list, self);
        self->queued = 1;
    }
    __atomic_store_n(&self->waiting, cancellable ? KSE_WAITS_CANCELLABLE : KSE_WAITS, __ATOMIC_RELEASE);
    if (deadline_ns) {
        kse_spin_lock(&kse.timer_lock);
        self->deadline_ns = deadline_ns;
        kse_heap_add(self);
        earliest = kse.timers == self;
        kse_spin_unlock(&kse.timer_lock);
    }
    if (lock)
        kse_spin_unlock(lock);
    if (earliest)
        kse_tell_idle();
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* waiting before cancelled; pairs with kse_thread_cancel's */
    if (!(cancellable && __atomic_load_n(&self->cancelled, __ATOMIC_RELAXED) &&
          kse_claim(self, KSE_WAITS_CANCELLABLE, EINTR)))
        kse_stop(self);
    if (__atomic_load_n(&self->queued, __ATOMIC_RELAXED)) {
        kse_spin_lock(lock);
        if (self->queued)
            kse_remove(list, self);
        self->queued = 0;
        kse_spin_unlock(lock);
    }
    if (deadline_ns) {
        kse_spin_lock(&kse.timer_lock);
        if (self->timed)
            kse_heap_remove(self);
        kse_spin_unlock(&kse.timer_lock);
    }
    return self->reason;
}

#endif
