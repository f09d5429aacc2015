/* The library's switch, its critical regions, and its upcalls. Part of kse_threads.h.
 *
 * Critical regions. A user thread may lose its virtual processor between any two instructions, and go on on another.
 * Whoever looks at `vp` or holds a spin lock must not: it sets TMF_NOUPCALL in its own mailbox first. That is one store
 * to a thread-local place, right on whichever processor it happens. From then on the kernel takes nothing away, and a
 * call that blocks there blocks the virtual processor.
 *
 * A switch from A to B is made in a critical region of A, and ends in one of B, which B entered before it stopped: each
 * `current` that the kernel may see on the way forbids upcalls.
 *
 *      A, on processor P                                    who goes on as A, on processor Q
 *   1  puts itself where others find it                   1' takes it from there
 *   2  stores its registers                               2' stores its own, makes A current on Q
 *   3  makes B current on P                               3' waits until A is `saved`, and clears that
 *   4  declares itself `saved` (release)                  4' loads A's registers
 *   5  waits until B is `saved` (acquire), goes on as B
 *
 * 3 is before 4: Q's A may leave its critical region at once, and were A still current on P, the kernel could take P's
 * context for A's. 4 is before 5: two processors that go on as each other's thread would wait for ever.
 *
 * A context that came from the kernel has all registers, and no region to end in: `current` is NULL from 3 on, so that
 * there are no upcalls, until kse_switchin makes it current and loads it in one step.
 *
 * Idle processors. No ready thread is overlooked by all (Dekker):
 *
 *      who makes a thread ready                             processor that finds no thread
 *   1  puts it into a queue                               1  sets its bit in kse.idle
 *   2  fence                                              2  fence
 *   3  a bit in kse.idle? clears it, kse_wakeup           3  looks into all queues again; kse_release
 *
 * A wake-up that comes between 3 and the release is kept by the kernel. The same holds for time-outs: the first
 * deadline is read after 2, and who sets an earlier one does 2 and 3. */
#ifndef KSE_SWITCH_H
#define KSE_SWITCH_H

#include <time.h>

#include "kse_queue.h"

static __thread struct kse_thread *kse_self; /* whose TLS this is: a user thread, or an upcall's `idle` */

KSE_INLINE struct kse_thread *kse_enter(void) {
    struct kse_thread *self = kse_self;
    *(volatile unsigned long *)&self->mailbox.flags = TMF_NOUPCALL;
    __asm__ volatile("" ::: "memory");
    return self;
}
KSE_FUNCTION void kse_let_upcall_come(void) { sched_yield(); }
KSE_INLINE void kse_leave(struct kse_thread *self) {
    __asm__ volatile("" ::: "memory");
    unsigned long flags = *(volatile unsigned long *)&self->mailbox.flags;
    *(volatile unsigned long *)&self->mailbox.flags = 0;
    if (__builtin_expect(flags & TMF_WANTED, 0)) /* something was completed meanwhile */
        kse_let_upcall_come();
}

/* Stop as `from`, and go on as `to`, on the same virtual processor: the text, with `from`, `to` and the processor in
 * a0 to a2. The frame pointer is stored here, because no compiler stores it for an asm. */
#define KSE_SWAP                                                                                                       \
    "la     t0, 9f\n"                                                                                                  \
    "sd     t0, %[pc](a0)\n"                                                                                           \
    "sd     sp, %[sp](a0)\n"                                                                                           \
    "sd     s0, %[s0](a0)\n"                                                                                           \
    "li     t1, 1\n"                                                                                                   \
    "addi   t2, a0, %[saved]\n"                                                                                        \
    "addi   t3, a1, %[saved]\n"                                                                                        \
    "lw     t4, %[full](a1)\n"                                                                                         \
    "bnez   t4, 2f\n"                                                                                                  \
    "sd     a1, 0(a2)\n" /* mailbox.current */                                                                         \
    "amoswap.w.rl zero, t1, (t2)\n"                                                                                    \
    "1: amoswap.w.aq t1, zero, (t3)\n"                                                                                 \
    "beqz   t1, 3f\n"                                                                                                  \
    "sd     a2, %[vp](a1)\n"                                                                                           \
    "ld     tp, %[tp](a1)\n"                                                                                           \
    "ld     sp, %[sp](a1)\n"                                                                                           \
    "ld     s0, %[s0](a1)\n"                                                                                           \
    "ld     t0, %[pc](a1)\n"                                                                                           \
    "jr     t0\n"                                                                                                      \
    "2: sd  zero, 0(a2)\n"                                                                                             \
    "amoswap.w.rl zero, t1, (t2)\n"                                                                                    \
    "sw     zero, 0(t3)\n" /* the kernel gave it: it is saved */                                                       \
    "sw     zero, %[full](a1)\n"                                                                                       \
    "sd     a2, %[vp](a1)\n"                                                                                           \
    "mv     a0, a1\n"                                                                                                  \
    "li     a7, %[switchin]\n"                                                                                         \
    "ecall\n"                                                                                                          \
    "unimp\n"                                                                                                          \
    "3: li  a7, 124\n" /* sched_yield: the kernel may have stopped who is about to save it */                          \
    "ecall\n"                                                                                                          \
    "j      1b\n"                                                                                                      \
    "9:\n"
#define KSE_OFFSETS                                                                                                    \
    [pc] "i"(offsetof(struct kse_thread, pc)), [sp] "i"(offsetof(struct kse_thread, sp)),                              \
        [tp] "i"(offsetof(struct kse_thread, tp)), [s0] "i"(offsetof(struct kse_thread, s0)),                          \
        [saved] "i"(offsetof(struct kse_thread, saved)), [full] "i"(offsetof(struct kse_thread, full)),                \
        [vp] "i"(offsetof(struct kse_thread, vp)), [switchin] "i"(EMU_KSE_SWITCHIN)

#define KSE_SAVED_REGISTERS                                                                                            \
    "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "ft0", "ft1", "ft2", "ft3", "ft4", "ft5",      \
        "ft6", "ft7", "ft8", "ft9", "ft10", "ft11", "fa0", "fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7", "fs0",     \
        "fs1", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11"

/* Inline, and it destroys all registers: so the compiler stores just those that the caller still needs. */
KSE_INLINE void kse_swap(struct kse_thread *from, struct kse_thread *to, struct kse_vp *vp) {
    register long a0 __asm__("a0") = (long)from;
    register long a1 __asm__("a1") = (long)to;
    register long a2 __asm__("a2") = (long)vp;
    __asm__ volatile(
        KSE_SWAP
        : "+r"(a0), "+r"(a1), "+r"(a2)
        : KSE_OFFSETS
        : "memory", "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a3", "a4", "a5", "a6", "a7", KSE_SAVED_REGISTERS);
}
/* The same for a thread that nobody will go on as: it needs no register again. */
KSE_INLINE void __attribute__((noreturn)) kse_swap_for_ever(struct kse_thread *from, struct kse_thread *to,
                                                            struct kse_vp *vp) {
    register long a0 __asm__("a0") = (long)from;
    register long a1 __asm__("a1") = (long)to;
    register long a2 __asm__("a2") = (long)vp;
    __asm__ volatile(KSE_SWAP : : KSE_OFFSETS, "r"(a0), "r"(a1), "r"(a2) : "memory");
    __builtin_unreachable();
}

/* Let an idle virtual processor look around, if there is one. */
KSE_FUNCTION void kse_wake_idle(void) {
    uint64_t idle;
    while ((idle = __atomic_load_n(&kse.idle, __ATOMIC_RELAXED)) != 0)
        for (int n = 0; n < kse.nr_vps; n++)
            if (idle >> n & 1 && __atomic_fetch_and(&kse.idle, ~(1ul << n), __ATOMIC_SEQ_CST) >> n & 1) {
                kse_wakeup(&kse.vps[n].mailbox);
                return;
            }
}
KSE_INLINE void kse_tell_idle(void) {
    if (kse.nr_vps == 1)
        return; /* who would be idle is the caller */
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* queue before bits; pairs with kse_run's, bits before queue */
    if (__atomic_load_n(&kse.idle, __ATOMIC_RELAXED))
        kse_wake_idle();
}

/* A thread may run again. */
static void kse_ready(struct kse_vp *vp, struct kse_thread *t) {
    kse_put(vp, t);
    kse_tell_idle();
}

/* The critical thread `self`, which others find by now, stops until it was made ready. */
KSE_INLINE void kse_stop(struct kse_thread *self) {
    struct kse_vp *vp = self->vp;
    struct kse_thread *next = kse_take(vp);
    if (next != self) /* it was made ready meanwhile, and is the next */
        kse_swap(self, next ? next : vp->idle, vp);
}

/* Give way to ready threads of this priority or a higher one; where there is none, to what else the kernel has to run. */
KSE_INLINE void kse_yield(void) {
    struct kse_thread *self = kse_enter();
    struct kse_vp *vp = self->vp;
    struct kse_thread *next = kse_rotate(vp, self);
    if (next != self)
        kse_swap(self, next, vp);
    kse_leave(self);
    if (next == self)
        sched_yield();
}

/* A system call in which the thread may block. Its registers are stored as by kse_swap, so that it goes on by a switch:
 * where the call does not block it goes on at 7; else the kernel stores the result, and who switches to it leads to 9, in
 * the critical region that kse_upcall has put it into. */
KSE_INLINE long kse_block(long number, long first, long second, long third) {
    register struct kse_thread *self __asm__("t6") = kse_self;
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = first;
    register long a1 __asm__("a1") = second;
    register long a2 __asm__("a2") = third;
    __asm__ volatile(
        "la     t0, 7f\n"
        "la     t1, 9f\n"
        "sd     t0, %[saved_pc](t6)\n"
        "sd     t1, %[pc](t6)\n"
        "sd     sp, %[sp](t6)\n"
        "sd     s0, %[s0](t6)\n"
        "li     t0, 2\n" /* TMF_SAVED */
        "sd     t0, %[flags](t6)\n"
        "ecall\n"
        "7: sd  zero, %[flags](t6)\n"
        "j      8f\n"
        "9: ld  a0, %[result](a1)\n"
        "sd     zero, %[flags](a1)\n"
        "8:\n"
        : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7), "+r"(self)
        : KSE_OFFSETS, [flags] "i"(offsetof(struct kse_thread, mailbox.flags)),
          [saved_pc] "i"(offsetof(struct kse_thread, mailbox.saved_pc)),
          [result] "i"(offsetof(struct kse_thread, mailbox.result))
        : "memory", "ra", "t0", "t1", "t2", "t3", "t4", "t5", "a3", "a4", "a5", "a6", KSE_SAVED_REGISTERS);
    return a0;
}

static inline uint64_t kse_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void kse_expire(struct kse_vp *vp, uint64_t now); /* kse_wait.h */
static uint64_t kse_first_deadline(void);
static void kse_end_cancelled(void); /* kse_thread.h */
static void kse_start_child(void);   /* kse_fork.h */

/* Run user threads, or wait for some. On the upcall's own stack; `current` is NULL here. */
static void __attribute__((noreturn)) kse_run(struct kse_vp *vp) {
    uint64_t bit = 1ul << (vp - kse.vps);
    if (kse.forked)
        kse_start_child();
    for (;;) {
        struct kse_thread *t = kse_take(vp);
        if (t) {
            kse_swap(vp->idle, t, vp); /* it returns when a thread stops and none is ready */
            vp->mailbox.current = NULL;
            continue;
        }
        __atomic_fetch_or(&kse.idle, bit, __ATOMIC_SEQ_CST);
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with kse_tell_idle's */
        uint64_t deadline = kse_first_deadline(), now = deadline ? kse_now() : 0;
        if (!kse_any_ready() && (!deadline || now < deadline)) {
            struct kse_timeout timeout = {(long)((deadline - now) / 1000000000), (long)((deadline - now) % 1000000000)};
            kse_release(deadline ? &timeout : NULL); /* returns after a signal; else there is an upcall */
        }
        __atomic_fetch_and(&kse.idle, ~bit, __ATOMIC_SEQ_CST);
        kse_expire(vp, deadline ? kse_now() : 0);
    }
}

/* What `idle` does when somebody switches to it, be it for the first time or after an upcall. */
static void __attribute__((noreturn, noinline)) kse_idle_start(void) {
    kse_self->vp->mailbox.current = NULL;
    kse_run(kse_self->vp);
}

/* From an upcall to a user thread: `idle` has no register that it will need. */
KSE_INLINE void __attribute__((noreturn)) kse_rise_to(struct kse_vp *vp, struct kse_thread *to) {
    register long a0 __asm__("a0") = (long)vp->idle;
    register long a1 __asm__("a1") = (long)to;
    register long a2 __asm__("a2") = (long)vp;
    __asm__ volatile(KSE_SWAP : : KSE_OFFSETS, "r"(a0), "r"(a1), "r"(a2) : "memory");
    kse_idle_start();
}

/* A thread whose context the kernel has handed out may go on. */
KSE_INLINE void kse_take_back(struct kse_thread *t) {
    if (__builtin_expect(t->cancelled, 0) && t->cancel_async && !t->cancel_disabled)
        t->pc = t->mailbox.pc = (unsigned long)kse_end_cancelled; /* wherever it is: in no critical region */
    t->full = !(t->mailbox.flags & TMF_SAVED); /* else it stopped in kse_block */
    t->mailbox.flags = t->full ? 0 : TMF_NOUPCALL;
    t->saved = 1;
}

/* Make completed threads ready. `next` of each is read first: others may let it run at once. */
KSE_FUNCTION void kse_put_all(struct kse_vp *vp, struct kse_thr_mailbox *completed) {
    while (completed) {
        struct kse_thread *t = (struct kse_thread *)completed;
        completed = completed->next;
        kse_take_back(t);
        kse_put(vp, t);
        if (completed)
            kse_tell_idle(); /* this processor runs one itself */
    }
}

/* Upcalls enter here. */
static void kse_upcall(struct kse_mailbox *mailbox) {
    struct kse_vp *vp = (struct kse_vp *)mailbox;
    struct kse_thread *t = (struct kse_thread *)mailbox->completed;
    uint64_t bit = 1ul << (vp - kse.vps);
    mailbox->completed = NULL;
    vp->upcalls++;
    if (__atomic_load_n(&kse.idle, __ATOMIC_RELAXED) & bit) /* set by this processor alone, or not at all */
        __atomic_fetch_and(&kse.idle, ~bit, __ATOMIC_SEQ_CST);
    if (t && !t->mailbox.next && __atomic_load_n(&vp->queue->count, __ATOMIC_RELAXED) == 0) {
        kse_take_back(t); /* the only one that is ready here */
    } else {
        kse_put_all(vp, &t->mailbox);
        t = kse_take(vp);
    }
    if (__atomic_load_n(&kse.timers, __ATOMIC_RELAXED))
        kse_expire(vp, mailbox->time_ns);
    if (t && !kse.forked)
        kse_rise_to(vp, t);
    if (t)
        kse_put(vp, t);
    kse_run(vp);
}

#endif
