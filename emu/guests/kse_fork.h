/* The C library's locks, and children of fork. Part of kse_threads.h.
 * A child has one thread, the one that called fork. It is in no group, and a call that blocks just blocks: the library
 * starts in it, with one virtual processor, once it has to switch. */
#ifndef KSE_FORK_H
#define KSE_FORK_H

#include "kse_memory.h"

/* Musl takes no locks in a process without threads. An ordinary one, that sleeps, makes it take them from now on. */
static void *kse_sleep_for_ever(void *unused) {
    for (;;)
        pause();
    return unused;
}
static int kse_make_libc_lock(void) {
    pthread_t id;
    pthread_attr_t small;
    sigset_t all, old;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 16384);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the others */
    int error = pthread_create(&id, &small, kse_sleep_for_ever, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
}

/* In the child. The other threads' memory is lost: what they were doing with the lists may be half done. */
static void kse_after_fork(void) {
    struct kse_thread *self = kse_self;
    struct kse_vp *vp = &kse.vps[0];
    struct kse_thread *idle = vp->idle;
    memset(kse.queues, 0, sizeof kse.queues);
    memset(kse_memory.pool, 0, sizeof kse_memory.pool);
    kse.nr_vps = kse.nr_queues = kse.live = kse.forked = 1;
    kse.idle = 0;
    kse.timers = NULL;
    kse.timer_lock = kse_memory.lock = 0;
    vp->queue = &kse.queues[0];
    self->vp = vp;
    idle->pc = (unsigned long)kse_idle_start;
    idle->sp = (unsigned long)idle->stack_top;
    idle->full = 0;
    idle->saved = 1;
}

/* The first switch, or the first thread, in a child. No user thread may lose its virtual processor yet: it has none. */
static void kse_start_child(void) {
    struct kse_vp *vp = &kse.vps[0];
    kse.forked = 0;
    kse_make_libc_lock();
    if (kse_create(&vp->mailbox, 0) != 0)
        abort();
    if (kse_self != vp->idle)
        vp->mailbox.current = &kse_self->mailbox; /* in a critical region */
}

#endif
