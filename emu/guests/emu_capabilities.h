/* Containers, capabilities, whose messages a thread accepts, virtual interrupts [cz-17]. Included by emu.h.
 * A container is a set of tasks that may use only what capabilities allow; tasks in none have no such limit. Handles
 * are positive numbers; one that was kept too long is -3 (ESRCH). */
#ifndef EMU_CAPABILITIES_H
#define EMU_CAPABILITIES_H

/* container_control. CREATE: the task of a thread that the caller may steer (0: its own) becomes the first of a new
 * container, which has no capability; its children will be in it too. The container's handle, or
 * -1 (EPERM): the caller is in a container, or may not steer it; -16 (EBUSY): the task is in one already, has more than
 * one thread, or that is neither the caller nor suspended; -28 (ENOSPC): there are too many.
 * What the task has already stays, and is charged to nobody. A container ends with its last task.
 * OF: the container that a thread's task (0: the caller's) is in, 0 none. */
enum { EMU_CONTAINER_CREATE, EMU_CONTAINER_OF };
static inline long emu_container_control(long operation, int tid) {
    return emu_call_3(EMU_CONTAINER_CONTROL, operation, tid, 0);
}

/* What capabilities are for. Of the first four so many may be there at once, whichever call makes them:
 *   THREADS   threads: else -11 (EAGAIN) of clone and thread_control. Given back when one leaves
 *   SPACES    tasks: else -11 (EAGAIN) of fork and thread_control. Given back when the last thread leaves
 *   MUTEXES   kernel mutexes of a task that were ever locked: else -11 (EAGAIN) of emu_mutex_lock and _trylock. Given
 *             back when the task ends
 *   MAPS      areas, which are mappings that differ from their neighbours: else -12 (ENOMEM) of mmap, emu_map, fork,
 *             and of munmap and mprotect where they cut one in two. Given back when one is unmapped
 *   CPUS      a mask of the CPUs 0 to 62: the container's threads run where one of its capabilities says, and
 *             sched_setaffinity is cut to that (-22, EINVAL: nothing is left); where the machine has none of these CPUs,
 *             they run on any. Without one, threads stay where they may run, and cannot change it (-1, EPERM)
 *   IPC       a container that messages may go to, 0: tasks in none; else -1 (EPERM) of emu_ipc, emu_mailbox_send and
 *             emu_chan_send. Within a container they always may; an answer is a message like others */
enum { EMU_THREADS = 1, EMU_SPACES, EMU_MUTEXES, EMU_MAPS, EMU_CPUS, EMU_IPCS };

/* capability_control. Tasks in no container may do all of it. Others: all but CREATE with their own container's
 * capabilities, and GRANT, SHARE, REPLICATE to their own container or to one that their IPC capabilities name.
 * -1 (EPERM): they may not; -3 (ESRCH): no such capability or container; -22 (EINVAL): a size; -28 (ENOSPC): the
 * container has 32 capabilities, there are too many, or a replica would be the ninth of a chain. */
struct emu_capability {
    long container, kind, size, used;
};
enum {
    EMU_CAPABILITY_CREATE, EMU_CAPABILITY_READ, EMU_CAPABILITY_GRANT, EMU_CAPABILITY_SHARE, EMU_CAPABILITY_REPLICATE,
    EMU_CAPABILITY_SPLIT, EMU_CAPABILITY_DEDUCE, EMU_CAPABILITY_DESTROY,
};
static inline long emu_capability_control(long operation, long first, long second, long third) {
    register long a7 __asm__("a7") = EMU_CAPABILITY_CONTROL;
    register long a0 __asm__("a0") = operation;
    register long a1 __asm__("a1") = first;
    register long a2 __asm__("a2") = second;
    register long a3 __asm__("a3") = third;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3) : "memory");
    return a0;
}
/* A new one for a container; size: how many (1 to 8,388,607), a mask of CPUs, or a container. Its handle. */
static inline long emu_capability_create(long container, long kind, long size) {
    return emu_capability_control(EMU_CAPABILITY_CREATE, container, kind, size);
}
static inline long emu_capability_read(long capability, struct emu_capability *read) {
    return emu_capability_control(EMU_CAPABILITY_READ, capability, (long)read, 0);
}
/* Another container has it instead. The new handle; the old one is stale. */
static inline long emu_capability_grant(long capability, long container) {
    return emu_capability_control(EMU_CAPABILITY_GRANT, capability, container, 0);
}
/* Another container has it too: both use what there is, which is counted once. That one's handle. */
static inline long emu_capability_share(long capability, long container) {
    return emu_capability_control(EMU_CAPABILITY_SHARE, capability, container, 0);
}
/* A container gets one of a size, at most this one's: what it uses counts here too, so all replicas together use no more
 * than there is. Of CPUs: a part of the mask, cut when that is; of IPC: the same (size 0). Its handle. */
static inline long emu_capability_replicate(long capability, long container, long size) {
    return emu_capability_control(EMU_CAPABILITY_REPLICATE, capability, container, size);
}
/* So much of what is unused (-16, EBUSY: more is used) becomes a capability of its own, in the same container: the sizes
 * add up to what there was. Of CPUs: some of the mask, not all. Its handle. */
static inline long emu_capability_split(long capability, long size) {
    return emu_capability_control(EMU_CAPABILITY_SPLIT, capability, size, 0);
}
/* It has a smaller size from now on, 0 or more, a part of the mask; -16 (EBUSY): more is used. */
static inline long emu_capability_deduce(long capability, long size) {
    return emu_capability_control(EMU_CAPABILITY_DEDUCE, capability, size, 0);
}
/* The container has it no more. Where no other shares it, its replicas of counted kinds cannot be used any more either;
 * what is used goes on. -16 (EBUSY): a task in a container cannot so end what is used or replicated. */
static inline long emu_capability_destroy(long capability) {
    return emu_capability_control(EMU_CAPABILITY_DESTROY, capability, 0, 0);
}

/* ipc_control. ACCEPT: who may send to the calling thread from now on; -1 (EPERM) for others, also for those that wait to
 * send already. Page faults are always accepted. WAITING: how many threads wait to send to it. */
enum { EMU_IPC_ACCEPT, EMU_IPC_WAITING };
enum { EMU_ACCEPT_ANYBODY, EMU_ACCEPT_TASK, EMU_ACCEPT_NOBODY };
static inline long emu_ipc_control(long operation, long accepted) {
    return emu_call_3(EMU_IPC_CONTROL, operation, accepted, 0);
}

/* irq_control: the virtual timer of the calling thread. REGISTER: with a period, 1,000 ns to 2^50 ns; -16 (EBUSY): it has
 * one. WAIT: sleep until a period is over that the thread has not been told of, unless one is already: how many are;
 * -4 (EINTR): the next wait is told. RELEASE. -22 (EINVAL): there is none; a period. A new thread has none. */
enum { EMU_IRQ_REGISTER, EMU_IRQ_WAIT, EMU_IRQ_RELEASE };
static inline long emu_irq_control(long operation, long period_ns) {
    return emu_call_3(EMU_IRQ_CONTROL, operation, period_ns, 0);
}
/* The virtual interrupt of the console: sleep until standard input has something to read, or has ended. 1, or -4. */
static inline long emu_irq_wait_console(void) {
    struct { int fd; short events, happened; } console = {0, 1, 0}; /* struct pollfd, POLLIN */
    register long a7 __asm__("a7") = 73; /* ppoll */
    register long a0 __asm__("a0") = (long)&console;
    register long a1 __asm__("a1") = 1;
    register long a2 __asm__("a2") = 0;
    register long a3 __asm__("a3") = 0;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3) : "memory");
    return a0;
}

#endif
