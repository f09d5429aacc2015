/* Kernel-scheduled entities, as FreeBSD had them in 2003: upcalls instead of blocked CPUs [kse-1 to kse-13]. A thread
 * library uses these calls (kse_threads.h is one); programs use the library. Included by emu.h.
 *
 * A group has kernel threads, and upcalls: so many user threads of it run at a time. Each upcall has a mailbox, in which
 * the library says what runs on it: `current`, or NULL while the library itself does. When that user thread blocks in
 * the kernel, another kernel thread enters `func` on the mailbox's stack, with `current` NULL and all contexts that were
 * completed since: an upcall. The library picks a user thread there, and goes on as it.
 * The kernel takes a context away only where `current` is set, and then it does so wherever the thread is; a user thread
 * keeps its upcall, and blocks it, while its flags have TMF_NOUPCALL. */
#ifndef EMU_KSE_H
#define EMU_KSE_H

enum { EMU_KSE_CREATE = 0x1050, EMU_KSE_EXIT, EMU_KSE_RELEASE, EMU_KSE_WAKEUP, EMU_KSE_THR_INTERRUPT, EMU_KSE_SWITCHIN };

/* A user thread's context, and what the kernel tells of it.
 * SAVED: it has stored what it needs of its registers itself, and goes on at `saved_pc`, right behind the system call that
 * it is about to make. When that call is completed, the kernel stores `result`, and leaves the flag; where it has to take
 * the context away anywhere else, it stores the context, and clears the flag. WANTED, with NOUPCALL: the kernel would have
 * made an upcall: give it the opportunity by any call once NOUPCALL is cleared. */
enum { TMF_NOUPCALL = 1, TMF_SAVED = 2, TMF_WANTED = 4 };
struct kse_thr_mailbox {
    struct kse_thr_mailbox *next;     /* in a list of completed ones; NULL is its end */
    unsigned long flags;              /* TMF_* */
    unsigned long saved_pc;
    long result;
    unsigned long user_ns, system_ns; /* that it has used, added up at its upcalls and at ticks [kse-6] */
    void *udata[2];                   /* the library's */
    unsigned long x[32], unused, pc, f[32], fcsr; /* the context; x[0] is without meaning */
} __attribute__((aligned(64)));

/* What runs on an upcall. Always with NOUPCALL: nothing is taken away. NOCOMPLETED: upcalls bring no contexts. BOUND: the
 * user thread blocks as an ordinary one. The kernel sets DONE when the upcall is removed. */
enum { KMF_NOUPCALL = 1, KMF_NOCOMPLETED = 2, KMF_DONE = 4, KMF_BOUND = 8 };
struct kse_mailbox {
    struct kse_thr_mailbox *volatile current;
    struct kse_thr_mailbox *completed; /* which the upcall brings: take them before you set `current` */
    unsigned long time_ns;             /* of the upcall, CLOCK_MONOTONIC */
    volatile unsigned long flags;      /* KMF_* */
    void (*func)(struct kse_mailbox *); /* this and what follows is read by kse_create, and fixed from then on */
    void *stack;
    unsigned long stack_bytes;
    void *thread_pointer;    /* register tp of an upcall */
    unsigned long quantum_ns; /* an upcall is made when a user thread has run so long; 0: for that reason none is */
    void *udata;
};

/* An upcall for a mailbox. The caller gets it where it owns none: it is the first of a new group then. Else a new kernel
 * thread does, in the caller's group or a new one, and makes its upcall at once. -11 (EAGAIN): too many threads, groups
 * (limits max_threads_per_proc, max_groups_per_proc) or upcalls; -14 (EFAULT); -22 (EINVAL): no multiple of 8. */
static inline long kse_create(struct kse_mailbox *mailbox, int newgroup) {
    return emu_call_3(EMU_KSE_CREATE, (long)mailbox, newgroup, 0);
}
/* The other calls are the library's own: -22 (EINVAL) where the caller owns no upcall, or `current` is not NULL. */
/* Remove the caller's upcall and the kernel thread. -35 (EDEADLK): it is the group's last one, and there are threads in
 * the kernel, or contexts, that only its upcall could fetch. The last thread of a task becomes an ordinary one: 0. */
static inline long kse_exit(void) { return emu_call(EMU_KSE_EXIT, 0); }
/* Make an upcall as soon as there is a reason: a completed context, a wake-up, or the end of that time (NULL: for ever).
 * It returns errors only: -14 (EFAULT); -4 (EINTR), a signal's handler has run. */
struct kse_timeout {
    long seconds, ns;
};
static inline long kse_release(const struct kse_timeout *timeout) { return emu_call(EMU_KSE_RELEASE, (long)timeout); }
/* Have the upcall of a mailbox of the task made: at once where its owner is released or runs a user thread, else when it
 * is released next. NULL: any of the caller's group. -3 (ESRCH): there is none. Every thread of the task may call it. */
static inline long kse_wakeup(struct kse_mailbox *mailbox) { return emu_call(EMU_KSE_WAKEUP, (long)mailbox); }
/* Act on the call in which a user thread is inside the kernel: it ends with -4 (EINTR), or begins anew; it gets signal
 * `data`. SIGEXIT, of NULL: the task ends by signal `data`. -3 (ESRCH): the thread is not in the kernel. -22 (EINVAL). */
enum { KSE_INTR_INTERRUPT = 1, KSE_INTR_RESTART, KSE_INTR_SENDSIG, KSE_INTR_SIGEXIT };
static inline long kse_thr_interrupt(struct kse_thr_mailbox *thread, int command, long data) {
    return emu_call_3(EMU_KSE_THR_INTERRUPT, (long)thread, command, data);
}
/* Go on as a user thread, with all registers of its context; it is the current one. It returns errors only: -14. */
static inline long kse_switchin(struct kse_thr_mailbox *thread) { return emu_call(EMU_KSE_SWITCHIN, (long)thread); }

#endif
