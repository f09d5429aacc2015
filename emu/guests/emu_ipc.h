/* Messages between threads, those of L4's IPC [cz-7]: no message is kept, a sender and a receiver meet.
 * Included by emu.h. Threads are named by their gettid(), and may be of any task. */
#ifndef EMU_IPC_H
#define EMU_IPC_H

enum { EMU_ANYTHREAD = -1, EMU_NILTHREAD = 0, EMU_UTCB_BYTES = 256, EMU_EXTENDED_BYTES = 2048 };

/* What is sent beside the six message registers: nothing (short), the sender's UTCB (full), up to 2,048 bytes (extended).
 * A receiver that accepts one of these takes the smaller ones too; full ones only where it has a UTCB. */
enum { EMU_SHORT, EMU_FULL, EMU_EXTENDED };
#define EMU_SENDS(kind) ((long)(kind))
#define EMU_ACCEPTS(kind) ((long)(kind) << 2)
#define EMU_REPLY (1L << 4) /* send only if the receiver waits for it (-11, EAGAIN): a server waits for no client */
#define EMU_SEND_BYTES(size) (EMU_SENDS(EMU_EXTENDED) | (long)(size) << 16)
#define EMU_RECEIVE_BYTES(room) (EMU_ACCEPTS(EMU_EXTENDED) | (long)(room) << 32)

struct emu_message {
    long mr[6];          /* message registers: what is sent; then what was received */
    const void *out;     /* of an extended message that is sent */
    void *in;            /* where one is received */
    long bytes;          /* set: how many bytes came beside the registers */
    long sent;           /* set: 1 once the message was sent, though receiving failed after that */
};

/* Send to a thread (EMU_NILTHREAD: nobody), then receive from one, or from EMU_ANYTHREAD (EMU_NILTHREAD: do not receive).
 * timeout_ns: for all of it; negative: for ever, 0: do not wait. Senders are served in the order in which they came.
 * The sender's tid where something was received, else 0. -3 (ESRCH): no such thread, or it has left; -4 (EINTR): a
 * signal, a suspend or a kill came; -6 (ENXIO): it has no UTCB; -11 (EAGAIN): it would have to wait; -14 (EFAULT): a buffer;
 * -22 (EINVAL): flags; -35 (EDEADLK): itself; -90 (EMSGSIZE): the receiver does not accept it; -110 (ETIMEDOUT).
 * Where receiver and sender sleep on one CPU it is handed over from one to the other, past the run queue. */
static inline long emu_ipc(int to, int from, long flags, long timeout_ns, struct emu_message *message) {
    register long a7 __asm__("a7") = EMU_IPC;
    register long a0 __asm__("a0") = to;
    register long a1 __asm__("a1") = from;
    register long a2 __asm__("a2") = flags;
    register long a3 __asm__("a3") = timeout_ns;
    register long a4 __asm__("a4") = (long)message->out;
    register long a5 __asm__("a5") = (long)message->in;
    register long a6 __asm__("a6") = 0;
    register long t0 __asm__("t0") = message->mr[0];
    register long t1 __asm__("t1") = message->mr[1];
    register long t2 __asm__("t2") = message->mr[2];
    register long t3 __asm__("t3") = message->mr[3];
    register long t4 __asm__("t4") = message->mr[4];
    register long t5 __asm__("t5") = message->mr[5];
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(t2), "+r"(t3), "+r"(t4), "+r"(t5)
                     : "r"(a7), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                     : "memory");
    message->mr[0] = t0, message->mr[1] = t1, message->mr[2] = t2;
    message->mr[3] = t3, message->mr[4] = t4, message->mr[5] = t5;
    message->bytes = a0 > 0 ? a1 : 0;
    message->sent = a6;
    return a0;
}

/* The caller's UTCB, 256 bytes for full messages, mapped at the first call and in memory from then on [cz-13]. A forked
 * child has to ask for its own; exec takes it away. An address; -12 (ENOMEM). */
static inline void *emu_utcb(void) { return (void *)emu_call(EMU_UTCB, 0); }

#endif
