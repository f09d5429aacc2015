/* Messages that the kernel keeps until they are received: mailboxes, channels and ports, and the completions of
 * asynchronous reads and writes. Included by emu.h. */
#ifndef EMU_MESSAGES_H
#define EMU_MESSAGES_H

/* Mailboxes [inko-4, inko-2]. Each thread has one: every thread of the machine may send to it by its tid, also from
 * other tasks, and it alone receives. Messages come in the order in which they were sent; up to 1024 may wait.
 * send never sleeps: -3 (ESRCH) the thread has left; -1 (EPERM) the caller's container may not send there; -11 (EAGAIN)
 * too many wait; -12 (ENOMEM). A receiver that sleeps is made runnable at once.
 * receive: the sender's tid. It waits so many ns for a message, for ever if that is negative: -110 (ETIMEDOUT),
 * -4 (EINTR), or with 0 at once -11 (EAGAIN). What was not received when a thread leaves, or executes, is gone. */
struct emu_mail {
    long words[4];
};
static inline long emu_mailbox_send(int tid, long w0, long w1, long w2, long w3) {
    register long a7 __asm__("a7") = EMU_MAILBOX_SEND;
    register long a0 __asm__("a0") = tid;
    register long a1 __asm__("a1") = w0;
    register long a2 __asm__("a2") = w1;
    register long a3 __asm__("a3") = w2;
    register long a4 __asm__("a4") = w3;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
    return a0;
}
static inline long emu_mailbox_receive(struct emu_mail *message, long timeout_ns) {
    register long a7 __asm__("a7") = EMU_MAILBOX_RECEIVE;
    register long a0 __asm__("a0") = timeout_ns;
    register long a1 __asm__("a1");
    register long a2 __asm__("a2");
    register long a3 __asm__("a3");
    register long a4 __asm__("a4");
    __asm__ volatile("ecall" : "+r"(a0), "=r"(a1), "=r"(a2), "=r"(a3), "=r"(a4) : "r"(a7) : "memory");
    if (a0 > 0) {
        message->words[0] = a1;
        message->words[1] = a2;
        message->words[2] = a3;
        message->words[3] = a4;
    }
    return a0;
}
/* How many messages a thread has not received yet, or -3 (ESRCH). */
static inline long emu_mailbox_count(int tid) { return emu_call(EMU_MAILBOX_COUNT, tid); }

/* Ports and channels [rust-11]. A port is the end that receives, and belongs to the task that made it; a channel is a
 * right to send to a port. Both are positive numbers: a channel's may be told to other tasks, which clone it. A task
 * that ends, or executes, drops what it has; a forked child has none of it.
 * -9 (EBADF): no such port of the task, or no such channel. -32 (EPIPE), sending: the port is closed; receiving: the
 * last channel was dropped, and all that was sent before has been received. */

/* A port for messages of `unit` bytes (0: of any size), of which `limit` may wait (0: as many as there is room for).
 * -22 (EINVAL): a unit above 32 KiB that is no multiple of a page, or above 256 MiB; -24, -23 (EMFILE, ENFILE). */
static inline long emu_port_create(long unit, long limit) { return emu_call_3(EMU_PORT_CREATE, unit, limit, 0); }
/* What was not received is freed. */
static inline long emu_port_close(long port) { return emu_call(EMU_PORT_CLOSE, port); }
/* A channel to a port of the task's, or another one to the port of a channel. */
static inline long emu_chan_create(long port) { return emu_call(EMU_CHANNEL_MAKE, port); }
static inline long emu_chan_clone(long chan) { return emu_call(EMU_CHANNEL_MAKE, chan); }
/* -1 (EPERM): another task's. */
static inline long emu_chan_drop(long chan) { return emu_call(EMU_CHANNEL_DROP, chan); }

/* Send one message; never waits. -11 (EAGAIN): the port is full; -1 (EPERM): the caller's container may not send to its
 * owner; -90 (EMSGSIZE): not of its unit, or above 32 KiB and not of whole pages; -14 (EFAULT); -12 (ENOMEM).
 * A message of whole pages that begins with a page moves: its pages leave the task's memory, and to touch them is
 * SIGSEGV from then on. -22 (EINVAL): they are not all private anonymous memory that may be read and stored to, or in
 * more than 64 pieces. */
static inline long emu_chan_send(long chan, const void *message, long size) {
    return emu_call_3(EMU_CHANNEL_SEND, chan, (long)message, size);
}
/* Send so many messages of the port's unit, one behind the other; how many were sent. */
static inline long emu_chan_send_many(long chan, const void *messages, long count) {
    return emu_call_3(EMU_CHANNEL_SEND_MANY, chan, (long)messages, count);
}

/* Receive one message of at most `size` bytes: how many it has. It waits so many ns, for ever if that is negative:
 * -110 (ETIMEDOUT), -4 (EINTR), or with 0 at once -11 (EAGAIN). -90 (EMSGSIZE): it is larger, and stays. -14 (EFAULT):
 * not all of the buffer (or of its first 32 KiB) may be stored to.
 * One that moved is mapped at `wanted` (-17, EEXIST: something is there), or where there is room (NULL), whatever the
 * size given: `*at` is where the message is. -12 (ENOMEM): no room, or the task has a limit of memory (RLIMIT_AS). */
static inline long emu_port_receive_at(long port, void *buffer, long size, long timeout_ns, void *wanted, void **at) {
    register long a7 __asm__("a7") = EMU_PORT_RECEIVE;
    register long a0 __asm__("a0") = port;
    register long a1 __asm__("a1") = (long)buffer;
    register long a2 __asm__("a2") = size;
    register long a3 __asm__("a3") = timeout_ns;
    register long a4 __asm__("a4") = (long)wanted;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a7), "r"(a2), "r"(a3), "r"(a4) : "memory");
    if (at)
        *at = (void *)a1;
    return a0;
}
static inline long emu_port_receive(long port, void *buffer, long size, long timeout_ns, void **at) {
    return emu_port_receive_at(port, buffer, size, timeout_ns, (void *)0, at);
}
/* Receive up to so many messages of the port's unit, at least one: how many. One that moved comes alone. */
static inline long emu_port_receive_many(long port, void *buffer, long count, long timeout_ns, void **at) {
    register long a7 __asm__("a7") = EMU_PORT_RECEIVE_MANY;
    register long a0 __asm__("a0") = port;
    register long a1 __asm__("a1") = (long)buffer;
    register long a2 __asm__("a2") = count;
    register long a3 __asm__("a3") = timeout_ns;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a7), "r"(a2), "r"(a3) : "memory");
    if (at)
        *at = (void *)a1;
    return a0;
}
/* The index of the first of up to 64 ports that has a message, or will never have one again. */
static inline long emu_port_select(const long *ports, long count, long timeout_ns) {
    return emu_call_3(EMU_PORT_SELECT, (long)ports, count, timeout_ns);
}

/* Asynchronous reads and writes [inko-6]. submit returns at once; when the operation is over, a message is in the
 * caller's mailbox, from the caller itself: { user_data, result, operation, fd }. The result is that of read(2) or
 * write(2), or with an offset (-1: the file's own position) of pread(2) or pwrite(2): bytes, or a negative error number;
 * no signal is sent (SIGPIPE). Any file will do. The memory is used when the operation gets on: if it has been
 * unmapped by then, the result is -14 (EFAULT). Operations on one file are carried out in any order, so of those that
 * depend on each other, submit the next when the last has ended. fd may be closed meanwhile, unless the file is one of
 * the machine's file system or the host's. A caller that leaves or executes a program is told nothing.
 * 0; -9 (EBADF); -22 (EINVAL): no such operation, a negative size or offset; -11 (EAGAIN): 64 are under way in the task,
 * or there is no room for more threads; -38 (ENOSYS): the task's memory was made by hand (thread_control). */
enum { EMU_AIO_READ, EMU_AIO_WRITE };
static inline long emu_aio_submit(int fd, int operation, void *address, long size, long offset, long user_data) {
    register long a7 __asm__("a7") = EMU_AIO_SUBMIT;
    register long a0 __asm__("a0") = fd;
    register long a1 __asm__("a1") = operation;
    register long a2 __asm__("a2") = (long)address;
    register long a3 __asm__("a3") = size;
    register long a4 __asm__("a4") = offset;
    register long a5 __asm__("a5") = user_data;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
    return a0;
}

#endif
