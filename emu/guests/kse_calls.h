/* Sleeping, calls that block in the kernel, and cancellation. Part of kse_threads.h.
 *
 * A call that blocks needs nothing: the kernel makes an upcall. To be a cancellation point too, it is wrapped:
 * kse_call(read(fd, buffer, n)). Who cancels a thread says so first, then looks where it is:
 *
 *      kse_thread_cancel                                    thread, in kse_call
 *   1  cancelled = 1                                      1  in_call = 1
 *   2  membarrier: a fence on each CPU                    2  cancelled? exits
 *   3  in_call? kse_thr_interrupt                         3  blocks in the kernel, where 3 of the other finds it
 *      again, while it is in no call that can end
 *
 * Who cancels makes everybody's fence, since there are many more calls than cancellations. */
#ifndef KSE_CALLS_H
#define KSE_CALLS_H

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "kse_sync.h"

KSE_INLINE void kse_call_begin(void) {
    struct kse_thread *self = kse_self;
    __atomic_store_n(&self->in_call, 1, __ATOMIC_RELAXED);
    __asm__ volatile("" ::: "memory"); /* in_call before cancelled; pairs with the membarrier of kse_thread_cancel */
    if (__builtin_expect(__atomic_load_n(&self->cancelled, __ATOMIC_RELAXED), 0))
        kse_testcancel();
}
KSE_INLINE void kse_call_end(int interrupted) {
    __atomic_store_n(&kse_self->in_call, 0, __ATOMIC_RELEASE);
    if (__builtin_expect(interrupted, 0))
        kse_testcancel();
}
#define kse_call(call)                                                                                                 \
    ({                                                                                                                 \
        kse_call_begin();                                                                                              \
        __typeof__(call) result_ = (call);                                                                             \
        kse_call_end((long)result_ == -1 && errno == EINTR);                                                           \
        result_;                                                                                                       \
    })

/* The same for the call that blocks most often: its thread goes on by the library's own switch. */
KSE_FUNCTION ssize_t kse_read(int fd, void *buffer, size_t n) {
    kse_call_begin();
    long result = kse_block(SYS_read, fd, (long)buffer, (long)n);
    kse_call_end(result == -EINTR);
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}
KSE_FUNCTION ssize_t kse_write(int fd, const void *buffer, size_t n) {
    kse_call_begin();
    long result = emu_call_3(SYS_write, fd, (long)buffer, (long)n);
    kse_call_end(result == -EINTR);
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}
static inline int kse_accept(int fd, struct sockaddr *from, socklen_t *n) { return kse_call(accept(fd, from, n)); }
static inline int kse_poll(struct pollfd *fds, nfds_t n, int timeout_ms) { return kse_call(poll(fds, n, timeout_ms)); }

/* Sleep in the library until that time of CLOCK_MONOTONIC. */
KSE_FUNCTION void kse_sleep_until(uint64_t deadline_ns) {
    kse_testcancel();
    struct kse_thread *self = kse_enter();
    int error = kse_sleep_in(self, NULL, NULL, deadline_ns ? deadline_ns : 1, !self->cancel_disabled);
    kse_leave(self);
    if (error == EINTR)
        kse_testcancel();
}
static inline void kse_sleep_ns(uint64_t ns) { kse_sleep_until(kse_now() + ns); }

/* A fence on each CPU that runs a thread of this process. */
static inline void kse_membarrier(void) {
    enum { REGISTER_PRIVATE_EXPEDITED = 1 << 4, PRIVATE_EXPEDITED = 1 << 3 };
    syscall(SYS_membarrier, REGISTER_PRIVATE_EXPEDITED, 0, 0);
    syscall(SYS_membarrier, PRIVATE_EXPEDITED, 0, 0);
}

/* End a thread at its next cancellation point, or where it waits now. Its result is KSE_CANCELLED. */
KSE_FUNCTION void kse_thread_cancel(kse_t t) {
    struct kse_thread *self = kse_enter();
    __atomic_store_n(&t->cancelled, 1, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with kse_sleep_in's and kse_call_begin's */
    if (kse_claim(t, KSE_WAITS_CANCELLABLE, EINTR))
        kse_ready(self->vp, t);
    kse_leave(self);
    kse_membarrier();
    while (t != self && __atomic_load_n(&t->in_call, __ATOMIC_ACQUIRE) && !t->cancel_disabled && !t->ended &&
           kse_thr_interrupt(&t->mailbox, KSE_INTR_INTERRUPT, 0) != 0)
        kse_sleep_ns(20000); /* it is about to enter the kernel, or has left it and waits for a processor */
}

#define kse_cleanup_push(f, a)                                                                                         \
    do {                                                                                                               \
        struct kse_cleanup cleanup_ = {f, a, kse_self->cleanup};                                                       \
        kse_self->cleanup = &cleanup_;
#define kse_cleanup_pop(execute)                                                                                       \
    kse_self->cleanup = cleanup_.next;                                                                                 \
    if (execute)                                                                                                       \
        cleanup_.function(cleanup_.argument);                                                                          \
    }                                                                                                                  \
    while (0)

#endif
