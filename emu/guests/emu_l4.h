/* Threads, address spaces and pagers, steered by guests: calls of the Codezero microkernel. Included by emu.h.
 * Threads are named by their gettid(). Who may steer one: threads of its task, of the task that made its task, of its
 * pager's task (-1, EPERM, for others). -3 (ESRCH): no such thread, or no longer; -14 (EFAULT); -22 (EINVAL). */
#ifndef EMU_L4_H
#define EMU_L4_H

/* tid; spid: whose address space it has, as the pid of its task; tgid: its group [cz-9] */
struct emu_ids {
    int tid, spid, tgid;
};
static inline long emu_getid(struct emu_ids *ids) { return emu_call(EMU_GETID, (long)ids); }

/* thread_control [cz-8]. CREATE: a thread with the caller's registers but 0 in a0, which begins suspended; `ids` receives
 * its ids. With SHARE_SPACE in the caller's memory, with COPY_SPACE as the only thread of a new task with a copy of it,
 * with NEW_SPACE of one with no memory at all, for its pager to fill (a child of the caller's task: wait4 reaps it).
 * It is of the caller's group if ids->tgid says so and it shares its memory, else of one of its own.
 * -11 (EAGAIN), -12 (ENOMEM): there is no room for it.
 * The others are about ids->tid: RUN lets a suspended thread go on; SUSPEND waits until it is suspended (0; -22,
 * EINVAL: it was already; -11, EAGAIN: it was let go on before); DESTROY tells it to leave; RECYCLE makes a suspended one as it was before its first
 * instruction, and whoever waits for its messages is told -3; WAIT sleeps until it has left: its exit status.
 * -16 (EBUSY): RECYCLE of one that is not suspended; -35 (EDEADLK): SUSPEND, RECYCLE, WAIT of the caller itself. */
enum { EMU_THREAD_CREATE, EMU_THREAD_RUN, EMU_THREAD_SUSPEND, EMU_THREAD_DESTROY, EMU_THREAD_RECYCLE, EMU_THREAD_WAIT };
enum { EMU_SHARE_SPACE = 0, EMU_COPY_SPACE = 1 << 4, EMU_NEW_SPACE = 2 << 4 };
static inline long emu_thread_control(long action, struct emu_ids *ids) {
    return emu_call_3(EMU_THREAD_CONTROL, action, (long)ids, 0);
}

/* Read and write the context of a suspended thread (-16, EBUSY: it is not suspended) [cz-8]. What is read is what it
 * had before. The pager is its whole task's, and must be a thread (0: the kernel); its UTCB can only be read. */
struct emu_context {
    long x[32], pc, f[32], fcsr, pager, utcb;
};
enum { EMU_READ = 1, EMU_WRITE_X = 2, EMU_WRITE_PC = 4, EMU_WRITE_F = 8, EMU_WRITE_PAGER = 16 };
static inline long emu_exchange_registers(int tid, struct emu_context *context, long what) {
    return emu_call_3(EMU_EXCHANGE_REGISTERS, tid, (long)context, what);
}

/* A thread in the caller's memory, after the document's library call [cz-8, cz-13, cz-19]: it has the stack that ends at
 * `stack_top` (16-byte aligned), runs body(argument) and leaves. It asks for its UTCB first, unless EMU_NO_UTCB says
 * that it needs none, and tells the caller by a message: it is ready when this returns. Its tid, or an error.
 * It has the caller's thread-local storage: no calls of a C library that keeps something there. */
enum { EMU_NO_UTCB = 1 };
struct emu_clone_start {
    void (*body)(void *argument);
    void *argument;
    long flags;
    int creator;
};
static inline void emu_leave(long status) { emu_call(93, status); }
__attribute__((unused)) static void emu_clone_begin(struct emu_clone_start *start) {
    struct emu_message ready = {.mr = {0}};
    if ((start->flags & EMU_NO_UTCB) == 0)
        ready.mr[0] = (long)emu_utcb();
    emu_ipc(start->creator, EMU_NILTHREAD, 0, -1, &ready);
    start->body(start->argument);
    emu_leave(0);
}
static inline long emu_clone(void (*body)(void *), void *argument, void *stack_top, long flags) {
    struct emu_ids self, ids = {0, 0, 0};
    struct emu_context context;
    struct emu_message ready = {.mr = {0}};
    struct emu_clone_start *start = (struct emu_clone_start *)((char *)stack_top - 64);
    emu_getid(&self);
    ids.tgid = self.tgid;
    *start = (struct emu_clone_start){body, argument, flags, self.tid};
    long result = emu_thread_control(EMU_THREAD_CREATE | EMU_SHARE_SPACE, &ids);
    if (result < 0)
        return result;
    emu_thread_control(EMU_THREAD_SUSPEND, &ids); /* it has reached its first stop */
    result = emu_exchange_registers(ids.tid, &context, EMU_READ);
    if (result == 0) {
        context.x[2] = (long)start;
        context.x[10] = (long)start;
        context.pc = (long)emu_clone_begin;
        result = emu_exchange_registers(ids.tid, &context, EMU_WRITE_X | EMU_WRITE_PC);
    }
    if (result < 0) {
        emu_thread_control(EMU_THREAD_DESTROY, &ids);
        return result;
    }
    emu_thread_control(EMU_THREAD_RUN, &ids);
    result = emu_ipc(EMU_NILTHREAD, ids.tid, 0, -1, &ready);
    return result < 0 ? result : ready.mr[0] < 0 ? ready.mr[0] : ids.tid;
}

/* Give this CPU to a thread that waits for it, on what is left of the slice; to the next one where it does not (tid 0:
 * in any case) [cz-17]. The order of inko's queues has no such thing: there the next one runs. */
static inline long emu_thread_switch(int tid) { return emu_call(EMU_THREAD_SWITCH, tid); }
/* A thread's importance, -20 (most important) to 19, as nice values; -1 (EPERM) to raise it, unless root [cz-17]. */
static inline long emu_schedule(int tid, int nice) { return emu_call_3(EMU_SCHEDULE, tid, nice, 0); }

static inline long emu_call_5(long number, long first, long second, long third, long fourth, long fifth) {
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = first;
    register long a1 __asm__("a1") = second;
    register long a2 __asm__("a2") = third;
    register long a3 __asm__("a3") = fourth;
    register long a4 __asm__("a4") = fifth;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
    return a0;
}

/* Map pages of the caller's shared memory (mmap with MAP_SHARED | MAP_ANONYMOUS; -1, EPERM, for others) at an address of
 * a thread's task, in place of what is there, with PROT_* rights that the caller has itself: both see each other's
 * stores [cz-14, cz-17]. After an error the pages below may be mapped. */
static inline long emu_map(void *pages, long address, long count, int rights, int tid) {
    return emu_call_5(EMU_MAP, (long)pages, address, count, rights, tid);
}
/* Unmap pages of a thread's task: -1 where not all of them were mapped [cz-12, cz-17]. */
static inline long emu_unmap(long address, long count, int tid) {
    return emu_call_3(EMU_UNMAP, address, count, tid);
}
/* Copy between the caller's memory and that of a thread's task; how many bytes could be copied [cz-14]. */
static inline long emu_copy_to(int tid, long address, const void *from, long size) {
    return emu_call_5(EMU_COPY, (long)from, address, size, 1, tid);
}
static inline long emu_copy_from(int tid, long address, void *to, long size) {
    return emu_call_5(EMU_COPY, (long)to, address, size, 0, tid);
}

/* Page faults of a task with a pager [cz-14]: an access that the task's own memory refuses becomes a message to the
 * pager (emu_ipc from EMU_ANYTHREAD, message.bytes == EMU_FAULT): mr[0] the address, mr[1] why (12 fetch, 13 load, 15
 * store), mr[2] the pc. It answers with EMU_REPLY: mr[0] 0 and the access is made again, else the thread has its fault.
 * A pager that has left, is silent for 10 s, or answers 0 again and again without mapping anything, ends its client. */
enum { EMU_FAULT = -1, EMU_FETCHES = 12, EMU_LOADS = 13, EMU_STORES = 15 };

/* Decoded instructions follow stores by themselves: 0, -14 where the range is not mapped [cz-17]. */
static inline long emu_cache_control(void *start, long size) {
    return emu_call_3(EMU_CACHE_CONTROL, (long)start, size, 0);
}

/* A mutex of user space: 0 free, 1 locked, 2 locked and somebody waits; the kernel is called in the last case only
 * [cz-17]. lock: 0, or -4 (EINTR) where a signal came. */
enum { EMU_MUTEX_WAITS, EMU_MUTEX_WAKES };
static inline long emu_user_lock(int *mutex) {
    int free = 0;
    if (__atomic_compare_exchange_n(mutex, &free, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return 0;
    while (__atomic_exchange_n(mutex, 2, __ATOMIC_SEQ_CST) != 0) {
        long result = emu_call_3(EMU_MUTEX_CONTROL, (long)mutex, EMU_MUTEX_WAITS, 0);
        if (result < 0 && result != -11)
            return result;
    }
    return 0;
}
static inline void emu_user_unlock(int *mutex) {
    if (__atomic_exchange_n(mutex, 0, __ATOMIC_SEQ_CST) == 2)
        emu_call_3(EMU_MUTEX_CONTROL, (long)mutex, EMU_MUTEX_WAKES, 0);
}

#endif
