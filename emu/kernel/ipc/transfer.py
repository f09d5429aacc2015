"""A message on its way from one thread's registers and memory to another's.

What it consists of: six message registers (t0…t5 of the sender, which become the receiver's), and by its kind, beside
them, nothing (SHORT), the sender's UTCB (FULL, 256 bytes), or up to 2 KB from a buffer that the sender names
(EXTENDED).

A page that a buffer needs may have to be fetched, which can take long and must not happen while the other thread is
held up.  So bytes go through a buffer of the CPU's: `gather` takes them from the sender, `scatter` puts them into the
receiver, each of them whole or not at all as far as the threads can tell.  Where one of the two cannot be done now,
the thread whose memory it is makes its call again, in its own time, and finds out why: the message has not been sent
(endpoint.py).
"""

from ...abi.errno import EFAULT, ENXIO
from ...abi.registers import A0
from ...hot import hot, never_inline
from ...limits import EXTENDED_BYTES, USER_TOP, UTCB_BYTES
from ...shm.bits import bits
from ...shm.events import RECEIVE, SEND, emit
from ...shm.exits import ACCESS_READ, ACCESS_WRITE
from ...shm.spinlock import field_address
from ..thread.handles import tid_of
from ..thread.states import CALL_FORWARDED, CALL_OPENS
from ..vm.usercopy import copy_user, may_store

FLAGS = bits("sends:2 accepts:2 reply:1 spare:11 size:12 spare2:4 room:12 rest:*")  # the third argument
kind_sent, kind_accepted, is_reply, _, size_of, _, room_of, _ = FLAGS.getters()
SHORT, FULL, EXTENDED = range(3)
KNOWN_FLAGS = FLAGS.pack(
    sends=FLAGS.mask("sends"), accepts=FLAGS.mask("accepts"), reply=1, size=FLAGS.mask("size"), room=FLAGS.mask("room")
)
OUT, IN = A0 + 4, A0 + 5  # registers: addresses of the buffers of extended messages
BYTES = A0 + 1  # register: how many bytes came beside the message registers
PHASE = A0 + 6  # register: 1 once the message is sent, for calls that do both
IS_FAULT = -1  # in BYTES: the kernel sends this, for a thread that faults
FIRST_CALL = -2  # this minus its number in BYTES: a system call that is forwarded (kernel/linux/forwarding.py)
NUMBER = A0 + 7  # register: a system call's number
T0, T3 = 5, 28  # message registers: t0…t2, t3…t5


@hot
def are_valid(flags):
    if flags & ~KNOWN_FLAGS != 0 or kind_sent(flags) > EXTENDED or kind_accepted(flags) > EXTENDED:
        return False
    return size_of(flags) <= EXTENDED_BYTES and room_of(flags) <= EXTENDED_BYTES


@hot
def accepts(r, flags):
    """Whether thread r, as it receives, takes the message of a sender with these flags: its kind, or a smaller one."""
    kind = kind_sent(flags)
    if kind_accepted(r.ipc_flags) < kind:
        return False
    return kind == SHORT or (r.utcb != 0 if kind == FULL else size_of(flags) <= room_of(r.ipc_flags))


@hot
def gather(m, me, i):
    """Copy what thread i sends beside its registers into this CPU's buffer; how many bytes, or -EFAULT, -ENXIO."""
    t = m.threads[i]
    kind = kind_sent(t.ipc_flags)
    if kind == SHORT:
        return 0
    at, size = t.utcb, UTCB_BYTES
    if kind == EXTENDED:
        at, size = t.x[OUT], size_of(t.ipc_flags)
    elif at == 0:
        return -ENXIO
    return size if _copy(m, me, t.task, at, size, ACCESS_READ) else -EFAULT


@hot
def scatter(m, me, i, flags, size):
    """Copy so many bytes from this CPU's buffer to where thread i receives what a sender with these flags sends."""
    t = m.threads[i]
    at = t.utcb if kind_sent(flags) == FULL else t.x[IN]
    return _copy(m, me, t.task, at, size, ACCESS_WRITE)


@hot
def _copy(m, me, task, at, size, access):
    never_inline()
    if size == 0:
        return True  # wherever that is
    if at < 0 or at > USER_TOP:
        return False
    return copy_user(m, me, task, at, field_address(m.cpus[me], "message"), size, access) == size


@hot
def has_room(m, me, i):
    """Whether the buffer in which thread i would receive can be stored to; its pages are in memory from here on."""
    t = m.threads[i]
    room = room_of(t.ipc_flags)
    if kind_accepted(t.ipc_flags) != EXTENDED or room == 0:
        return True
    at = t.x[IN]
    if at < 0 or at > USER_TOP:
        return False
    return may_store(m, me, t.task, at) and may_store(m, me, t.task, at + room - 1)


@hot
def give_message(m, me, s, r, size):
    """Thread r, whose sleep this actor has taken or which runs, has received: registers, and size of the rest."""
    sender, receiver = m.threads[s], m.threads[r]
    receiver.x[A0] = tid_of(m, s)
    if sender.faulting >= CALL_FORWARDED:
        _give_call(sender, receiver)
    elif sender.faulting != 0:
        _give_fault(sender, receiver)
    elif receiver.faulting != 0:
        receiver.fault_answer = sender.x[T0]  # and nothing else: its registers are those of the instruction
        if receiver.faulting == CALL_OPENS:
            _note_opened(m, receiver)
    else:
        for k in range(3):
            receiver.x[T0 + k] = sender.x[T0 + k]
            receiver.x[T3 + k] = sender.x[T3 + k]
        receiver.x[BYTES] = size
    emit(m, me, SEND, s, r, size)
    emit(m, me, RECEIVE, r, s, size)


@hot
def _give_fault(sender, receiver):
    """The message of a thread whose access was refused, to its pager (pager.py)."""
    never_inline()
    receiver.x[T0] = sender.trap_value
    receiver.x[T0 + 1] = sender.cause
    receiver.x[T0 + 2] = sender.pc
    for k in range(3):
        receiver.x[T3 + k] = 0
    receiver.x[BYTES] = IS_FAULT


@hot
def _give_call(sender, receiver):
    """The message of a thread whose system call its file server executes."""
    never_inline()
    for k in range(3):
        receiver.x[T0 + k] = sender.forwarded[k]
        receiver.x[T3 + k] = sender.forwarded[3 + k]
    receiver.x[BYTES] = FIRST_CALL - sender.x[NUMBER]


@hot
def _note_opened(m, receiver):
    """What a file server has opened is the description's at once: whoever drops that from now on tells the server."""
    never_inline()
    if receiver.fault_answer >= 0:
        m.descriptions[receiver.held_file - 1].object = receiver.fault_answer


@hot
def note_sent(t, sent):
    """Say in a register whether the message is sent, for calls that send and receive."""
    if t.faulting == 0:
        t.x[PHASE] = sent
