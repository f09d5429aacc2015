/* The native calls of emu: beside those of Linux, numbers from 0x1000 (emu/kernel/native/numbers.py).
 * Each returns 0 (or what it says), or a negative error number. Threads are named by their gettid() and belong to the
 * caller's task: -3 (ESRCH) where there is no such thread, or no longer. -4 (EINTR): a signal or a suspend ended the
 * sleep; none of these calls begins anew by itself. Brackets: rows of the five systems. */
#ifndef EMU_H
#define EMU_H

enum {
    EMU_PRINT = 0x1000, EMU_EXCLUSIVE,
    EMU_SUSPEND_SYNC, EMU_RESUME_ASYNC, EMU_SUSPEND_ASYNC, EMU_RESUME_SYNC,
    EMU_MUTEX_LOCK, EMU_MUTEX_TRYLOCK, EMU_MUTEX_UNLOCK, EMU_QUEUE_SLEEP, EMU_QUEUE_WAKE,
    EMU_SET_TIMEOUT, EMU_SET_INFINITE_TIMEOUT, EMU_CLEAR_TIMEOUT, EMU_TIME, EMU_KMEM_CONTROL,
    EMU_IPC, EMU_UTCB, EMU_THREAD_CONTROL, EMU_EXCHANGE_REGISTERS, EMU_GETID, EMU_THREAD_SWITCH, EMU_SCHEDULE,
    EMU_MAP, EMU_UNMAP, EMU_COPY, EMU_CACHE_CONTROL, EMU_MUTEX_CONTROL,
    EMU_PORT_CREATE = 0x1030, EMU_PORT_CLOSE, EMU_CHANNEL_MAKE, EMU_CHANNEL_DROP, EMU_CHANNEL_SEND,
    EMU_CHANNEL_SEND_MANY, EMU_PORT_RECEIVE, EMU_PORT_RECEIVE_MANY, EMU_PORT_SELECT,
    EMU_MAILBOX_SEND = 0x1040, EMU_MAILBOX_RECEIVE, EMU_MAILBOX_COUNT,
    EMU_BLOCKING_BEGIN = 0x1048, EMU_BLOCKING_END, EMU_AIO_SUBMIT, EMU_AIO_END /* the kernel's own */,
    EMU_IPC_CONTROL = 0x101C, EMU_IRQ_CONTROL, EMU_CAPABILITY_CONTROL, EMU_CONTAINER_CONTROL,
};

static inline long emu_call_3(long number, long first, long second, long third) {
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = first;
    register long a1 __asm__("a1") = second;
    register long a2 __asm__("a2") = third;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
    return a0;
}
static inline long emu_call(long number, long argument) { return emu_call_3(number, argument, 0, 0); }

/* Print a string [alux-8]. Memory that is not the task's own kills the task. */
static inline long emu_print(const char *text) { return emu_call(EMU_PRINT, (long)text); }

/* The CPU that the caller is pinned to runs nothing else (1), or is open again (0) [inko-5].
 * -22 when it is not pinned to one CPU, -16 when that CPU is taken or the last one. */
static inline long emu_exclusive(int on) { return emu_call(EMU_EXCLUSIVE, on); }

/* Suspend and resume [cz-4, cz-5]. A thread is suspended at its next safe point: before its next user instruction.
 * Its native sleep ends with EINTR, others go on after the resume. -22 (EINVAL): it is suspended already or about to
 * be; or, to be resumed, neither.
 * sync: the caller sleeps until the thread is suspended: -11 (EAGAIN) when it was resumed before, by itself or another
 * [cz-18], -3 when it left. Of itself, and async: returns at once. */
static inline long emu_sched_suspend_sync(int tid) { return emu_call(EMU_SUSPEND_SYNC, tid); }
static inline long emu_sched_suspend_async(int tid) { return emu_call(EMU_SUSPEND_ASYNC, tid); }
/* sync: the caller gives way at once, so that the thread may run before it. */
static inline long emu_sched_resume_sync(int tid) { return emu_call(EMU_RESUME_SYNC, tid); }
static inline long emu_sched_resume_async(int tid) { return emu_call(EMU_RESUME_ASYNC, tid); }
static inline long emu_suspend(int tid) { return emu_sched_suspend_sync(tid); }
static inline long emu_resume(int tid) { return emu_sched_resume_async(tid); }

/* Kernel mutexes and wait queues, interruptible [cz-6]: each task has 8 of both, numbers 0 to 7 (-22 for others).
 * lock: -35 (EDEADLK) when the caller has it. unlock hands it to the longest waiting thread; -1 (EPERM) when it is not
 * the caller's. trylock: -16 (EBUSY). A thread that ends releases what it has. */
static inline long emu_mutex_lock(int mutex) { return emu_call(EMU_MUTEX_LOCK, mutex); }
static inline long emu_mutex_trylock(int mutex) { return emu_call(EMU_MUTEX_TRYLOCK, mutex); }
static inline long emu_mutex_unlock(int mutex) { return emu_call(EMU_MUTEX_UNLOCK, mutex); }
/* Sleep in a wait queue until woken. `mutex` (-1: none), which the caller has, is unlocked once it is in the queue,
 * and not locked again: lock it, and look at the condition again. */
static inline long emu_queue_sleep(int queue, int mutex) { return emu_call_3(EMU_QUEUE_SLEEP, queue, mutex, 0); }
/* Wake so many threads, the longest sleeping first; how many there were. */
static inline long emu_queue_wake(int queue, long count) { return emu_call_3(EMU_QUEUE_WAKE, queue, count, 0); }

/* Sleep until a time, in ns of CLOCK_MONOTONIC (-110: ETIMEDOUT), or until cleared (0) [alux-3]. The 8-byte lock word
 * at `unlock` (NULL: none) becomes 0 once the sleep is recorded: who then has the lock clears it for certain.
 * precise: to the ns, else rounded up to the thread's slack. */
static inline long emu_set_timeout(long deadline_ns, int precise, volatile long *unlock) {
    return emu_call_3(EMU_SET_TIMEOUT, deadline_ns, precise, (long)unlock);
}
static inline long emu_set_infinite_timeout(volatile long *unlock) {
    return emu_call(EMU_SET_INFINITE_TIMEOUT, (long)unlock);
}
/* Wake a thread from these two: 1, or 0 when it did not sleep there. */
static inline long emu_clear_timeout(int tid) { return emu_call(EMU_CLEAR_TIMEOUT, tid); }

/* How long the machine has run, as its ticks, EMU_TICKS a second, add up [cz-16]; a date is left to the caller.
 * One moment: no unit is ahead of another, and it never goes back. -14 (EFAULT). */
enum { EMU_TICKS = 100 };
struct emu_time {
    long days, hours, minutes, seconds, ticks;
};
static inline long emu_time(struct emu_time *time) { return emu_call(EMU_TIME, (long)time); }

/* Kernel memory [cz-10]: grant the kernel so many pages of the machine's memory (-12, ENOMEM: there are not so many,
 * none is granted), or reclaim some of those that the task has granted: how many; fewer where the kernel uses the
 * others. -22 (EINVAL): more than 1024 in one call, or no such operation. -1 (EPERM): not root. */
enum { EMU_KMEM_GRANT, EMU_KMEM_RECLAIM };
static inline long emu_kmem_control(int operation, long pages) {
    return emu_call_3(EMU_KMEM_CONTROL, operation, pages, 0);
}

/* A blocking operation begins, ends [inko-6]: whatever holds up its CPU for long, so that other threads would wait.
 * In between the caller runs on the machine's blocking CPUs only (emu run --blocking-cpus N: the last N of them), else
 * on the others only; both calls move it before it executes another instruction. New threads, forked children and
 * programs begin outside. 0: the caller runs there from now on. 1: it stays where it is, since none of the CPUs that it
 * asked for (sched_setaffinity; a pinned thread asked for one) is there, or the machine has no blocking CPUs; the
 * operation has begun or ended all the same, and counts when the thread asks for others. -22 (EINVAL): it is in a
 * blocking operation already, or in none. */
static inline long emu_blocking_begin(void) { return emu_call(EMU_BLOCKING_BEGIN, 0); }
static inline long emu_blocking_end(void) { return emu_call(EMU_BLOCKING_END, 0); }

#include "emu_ipc.h"
#include "emu_l4.h"
#include "emu_messages.h"
#include "emu_servers.h"
#include "emu_capabilities.h"
#include "emu_kse.h"

#endif
