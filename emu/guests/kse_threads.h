/* User threads on upcalls: as many as you like, on a few virtual processors [kse-11].
 *
 * The kernel knows of kernel threads and upcalls only (emu_kse.h); this library makes user threads of them. A virtual
 * processor is an upcall. It runs a user thread until that thread waits for another one (the library switches, and the
 * kernel never hears of it), until it blocks in the kernel or has used up its quantum (the kernel makes an upcall,
 * and the library picks another). So a call that blocks is just called, and does not block the others.
 *
 *      kse_start(2);                                     main is the first user thread, of two virtual processors
 *      kse_t t; kse_thread_create(&t, NULL, f, argument);
 *      kse_thread_join(t, &result);
 *
 *      kse_queue.h     threads, virtual processors, ready queues: one for all, or each its own and stealing
 *      kse_switch.h    the switch, critical regions, upcalls, idle processors: the protocols, and why they hold
 *      kse_wait.h      sleeping and waking, time-outs
 *      kse_memory.h    stacks and thread-local storage
 *      kse_thread.h    create, exit, join, detach, keys
 *      kse_sync.h      mutexes, conditions, semaphores, read-write locks, barriers, once
 *      kse_calls.h     sleeping, cancellation, calls that are cancellation points
 *      kse_fork.h      children of fork
 *      kse_pthread.h   all that under the names of pthreads, for unchanged programs
 *
 * For static programs of one C file. Each user thread has the C library's whole thread-local storage, so errno, stdio,
 * malloc and __thread variables are its own; signal masks and CPU masks are those of whatever kernel thread it is on.
 * Signal handlers must not call the library; musl's raise does not find the thread. The floating-point rounding mode
 * does not go with a thread that the library switches. User threads blocked in the kernel each need a kernel thread;
 * where the kernel makes no more (limit max_threads_per_proc), a thread blocks with its virtual processor. */
#ifndef KSE_THREADS_H
#define KSE_THREADS_H

#include "kse_calls.h"
#include "kse_fork.h"

struct kse_options {
    int upcalls;        /* 1 … KSE_MAX_UPCALLS virtual processors */
    int queues;         /* KSE_SHARED or KSE_STEALING */
    uint64_t quantum_ns; /* that a thread runs while others are ready, and time-outs may be late; 0: until it waits */
};
enum { KSE_QUANTUM_NS = 10000000 };

/* The caller, which is the process's only thread, becomes a user thread. 0; EINVAL; ENOMEM, EAGAIN: fewer virtual
 * processors than wanted. The program ends when main returns, when somebody calls exit, or with its last thread. */
KSE_FUNCTION int kse_start_with(const struct kse_options *o) {
    if (o->upcalls < 1 || o->upcalls > KSE_MAX_UPCALLS || kse.nr_vps)
        return EINVAL;
    int error = kse_make_libc_lock();
    if (!error)
        error = kse_memory_start();
    if (error)
        return error;
    pthread_atfork(NULL, NULL, kse_after_fork);
    struct kse_thread *main_thread = kse_self = kse_map(sizeof *main_thread);
    if (!main_thread)
        return ENOMEM;
    kse.nr_queues = o->queues == KSE_STEALING ? o->upcalls : 1;
    kse.nr_vps = o->upcalls;
    kse.live = 1;
    main_thread->mailbox.flags = TMF_NOUPCALL;
    main_thread->tp = (unsigned long)kse_thread_pointer();
    main_thread->vp = &kse.vps[0];
    main_thread->priority = KSE_PRIORITY;
    for (int n = 0; n < o->upcalls; n++) {
        struct kse_vp *vp = &kse.vps[n];
        struct kse_thread *idle = vp->idle = kse_allocate(KSE_STACK);
        if (!idle)
            return ENOMEM;
        idle->pc = (unsigned long)kse_idle_start;
        idle->vp = vp;
        vp->queue = &kse.queues[n % kse.nr_queues];
        vp->mailbox.func = kse_upcall;
        vp->mailbox.stack = idle->stack;
        vp->mailbox.stack_bytes = idle->stack_top - idle->stack;
        vp->mailbox.thread_pointer = (void *)idle->tp;
        vp->mailbox.quantum_ns = o->quantum_ns;
    }
    error = -(int)kse_create(&kse.vps[0].mailbox, 0); /* that of this thread, which goes on */
    kse.vps[0].mailbox.current = &main_thread->mailbox;
    for (int n = 1; n < o->upcalls && !error; n++)
        error = -(int)kse_create(&kse.vps[n].mailbox, 0);
    kse_leave(main_thread);
    return error;
}
static inline int kse_start(int upcalls) {
    return kse_start_with(&(struct kse_options){upcalls, KSE_SHARED, KSE_QUANTUM_NS});
}

#endif
