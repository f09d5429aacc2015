"""The two records in user space through which kernel and thread library talk, and all accesses to them (kse-6).

guests/emu_kse.h declares both.  A KSE mailbox belongs to an upcall: what runs on it, what was completed, where an
upcall enters user space.  A thread mailbox belongs to a user thread: its context, the next one in a list of completed
ones, and the time that it has used.

    KSE mailbox   current, completed, time   written together when an upcall enters user space
                  flags                      the library's, but KMF_DONE
                  function, stack, …         read once, by kse_create
    thread mailbox   next, flags, saved pc, result, user time, system time; then the context: the first words of a
                     THREAD record: x0 … x31, a word without meaning, pc, f0 … f31, fcsr

A thread that makes a system call may have stored itself what it will need of its context, and where it goes on then
(TMF_SAVED, saved pc).  If it is there when its context is to be stored, which is right behind the call, its result
(register a0) is all that is stored; else the whole context is, and the flag cleared.

All of it is the guest's, and nothing of it is trusted.  A context is registers, with which a guest can do no more than
with those that it sets itself.  The kernel follows no pointer but `current`, and stores there as a system call stores
to its argument.  A mailbox that cannot be used where it has to be ends the task (kill_reasons.KILL_MAILBOX); a page
that its pager has to bring, or the system server, is brought first.  Without a current thread no mailbox is needed, and
none is touched but to see that (kse-13).
"""

from ...abi.errno import EFAULT
from ...abi.registers import A0
from ...hot import hot, never_inline
from ...shm.clock import steady_ns
from ...shm.exits import ACCESS_READ, ACCESS_WRITE
from ...shm.memory import address_of, copy_bytes, load_64, store_64
from ...shm.spinlock import field_address
from ..vm.usercopy import copy_user, get_word, put_word

CURRENT, COMPLETED, TIME, FLAGS, FUNCTION, STACK, STACK_BYTES, THREAD_POINTER, QUANTUM = range(0, 72, 8)
MAILBOX_BYTES = 80
KMF_NOUPCALL, KMF_NOCOMPLETED, KMF_DONE, KMF_BOUND = 1, 2, 4, 8

NEXT, THREAD_FLAGS, SAVED_PC, RESULT, USER_NS, SYSTEM_NS = range(0, 48, 8)
HEADER_BYTES, CONTEXT = 48, 64
CONTEXT_BYTES = 8 * (33 + 1 + 32 + 1)  # x, pc, f, fcsr: the first words of a THREAD
TMF_NOUPCALL, TMF_SAVED, TMF_WANTED = 1, 2, 4
FCSR_BITS = 0xFF


@hot
def read_mailbox(m, me, t, u):
    """(0 or -EFAULT, the current thread's mailbox) of upcall u, whose flags are read too."""
    never_inline()
    at = field_address(m.cpus[me], "given_words")
    if copy_user(m, me, t.task, u.mailbox, at, FLAGS + 8, ACCESS_READ) < FLAGS + 8:
        return -EFAULT, 0
    u.flags = load_64(at + FLAGS)
    return 0, load_64(at + CURRENT)


@hot
def thread_to_export(m, me, t, u, has_news):
    """The thread mailbox whose thread runs on upcall u; 0 where none does, or none that may lose the upcall now.

    `has_news`: one that may not is told that it is wanted (TMF_WANTED).
    """
    never_inline()
    error, current = read_mailbox(m, me, t, u)
    if error < 0 or current == 0 or u.flags & (KMF_NOUPCALL | KMF_BOUND):
        return 0
    error, flags = get_word(m, me, t.task, current + THREAD_FLAGS)
    if error < 0 or flags & TMF_NOUPCALL == 0:
        return current
    if has_news and flags & TMF_WANTED == 0:
        put_word(m, me, t.task, current + THREAD_FLAGS, flags | TMF_WANTED)  # it is in the kernel: nobody else writes
    return 0


@hot
def tell_upcall(m, me, t, mailbox, completed):
    """Store what an upcall brings: no current thread, completed contexts, the time; 0 or -EFAULT."""
    at = field_address(m.cpus[me], "given_words")
    store_64(at + CURRENT, 0)
    store_64(at + COMPLETED, completed)
    store_64(at + TIME, steady_ns(m))
    return 0 if copy_user(m, me, t.task, mailbox, at, FLAGS, ACCESS_WRITE) == FLAGS else -EFAULT


@hot
def store_context(m, me, t, user_thread, following, user_ns, system_ns):
    """Store a thread's context, the next one of the list, and the time used since it was told last; 0 or -EFAULT."""
    never_inline()
    at = field_address(m.cpus[me], "message")
    if copy_user(m, me, t.task, user_thread, at, HEADER_BYTES, ACCESS_READ) < HEADER_BYTES:
        return -EFAULT
    flags = load_64(at + THREAD_FLAGS)
    if flags & TMF_SAVED and load_64(at + SAVED_PC) == t.pc:
        store_64(at + RESULT, t.x[A0])
    else:
        store_64(at + THREAD_FLAGS, flags & ~TMF_SAVED)
        done = copy_user(m, me, t.task, user_thread + CONTEXT, address_of(t), CONTEXT_BYTES, ACCESS_WRITE)
        if done < CONTEXT_BYTES:
            return -EFAULT
    store_64(at + NEXT, following)
    store_64(at + USER_NS, load_64(at + USER_NS) + user_ns)
    store_64(at + SYSTEM_NS, load_64(at + SYSTEM_NS) + system_ns)
    done = copy_user(m, me, t.task, user_thread, at, HEADER_BYTES, ACCESS_WRITE)
    return 0 if done == HEADER_BYTES else -EFAULT


@hot
def add_times(m, me, t, user_thread, user_ns, system_ns):
    """Add to the times that a thread mailbox tells; where it cannot be used, nothing is told."""
    never_inline()
    for at, ns in ((user_thread + USER_NS, user_ns), (user_thread + SYSTEM_NS, system_ns)):
        error, old = get_word(m, me, t.task, at)
        if error == 0:
            put_word(m, me, t.task, at, old + ns)


@hot
def load_context(m, me, t, user_thread):
    """Give a thread the context in a thread mailbox; 0 or -EFAULT, and then it has its own still."""
    never_inline()
    at = field_address(m.cpus[me], "message")
    if copy_user(m, me, t.task, user_thread + CONTEXT, at, CONTEXT_BYTES, ACCESS_READ) < CONTEXT_BYTES:
        return -EFAULT
    copy_bytes(address_of(t), at, CONTEXT_BYTES)
    t.x[0] = 0
    t.pc &= ~1
    t.fcsr &= FCSR_BITS
    return 0


assert MAILBOX_BYTES >= QUANTUM + 8
