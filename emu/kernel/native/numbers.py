"""The numbers of the native calls: from 0x1000, a range for each system that they come from.

guests/emu.h declares them for C.  Arguments are in a0…a5, the result in a0: a negative error number where it failed.
"""

FIRST, END = 0x1000, 0x1100
PRINT, EXCLUSIVE = 0x1000, 0x1001  # served: server/calls/native.py

# kernel/native/threads.py
FIRST_HOT = 0x1002
(
    SUSPEND_SYNC, RESUME_ASYNC, SUSPEND_ASYNC, RESUME_SYNC,
    MUTEX_LOCK, MUTEX_TRYLOCK, MUTEX_UNLOCK, QUEUE_SLEEP, QUEUE_WAKE,
    SET_TIMEOUT, SET_INFINITE_TIMEOUT, CLEAR_TIMEOUT, TIME, KMEM_CONTROL,
) = range(FIRST_HOT, 0x1010)  # fmt: skip

# kernel/native/servers.py
NAME_SERVER, CLOSED_FILE = 0x1060, 0x1061

# kernel/native/ipc.py, thread_control.py, spaces.py: the calls of the Codezero microkernel
(
    IPC, UTCB, THREAD_CONTROL, EXCHANGE_REGISTERS, GETID, THREAD_SWITCH, SCHEDULE,
    MAP, UNMAP, COPY, CACHE_CONTROL, MUTEX_CONTROL,
) = range(0x1010, 0x101C)  # fmt: skip

# kernel/native/blocking.py, aio.py
BLOCKING_BEGIN, BLOCKING_END, AIO_SUBMIT, AIO_END = range(0x1048, 0x104C)
# kernel/native/ports.py
(
    PORT_CREATE, PORT_CLOSE, CHANNEL_MAKE, CHANNEL_DROP, CHANNEL_SEND, CHANNEL_SEND_MANY,
    PORT_RECEIVE, PORT_RECEIVE_MANY, PORT_SELECT,
) = range(0x1030, 0x1039)  # fmt: skip

# kernel/native/upcalls.py
KSE_CREATE, KSE_EXIT, KSE_RELEASE, KSE_WAKEUP, KSE_THR_INTERRUPT, KSE_SWITCHIN = range(0x1050, 0x1056)

# kernel/native/mailboxes.py
MAILBOX_SEND, MAILBOX_RECEIVE, MAILBOX_COUNT = range(0x1040, 0x1043)
# kernel/native/control_calls.py: the rest of them
IPC_CONTROL, IRQ_CONTROL, CAPABILITY_CONTROL, CONTAINER_CONTROL = range(0x101C, 0x1020)

# emu/world/: where schedules are explored; elsewhere these do nothing
EXPLORE_BEGIN, ASSERT_FAILED = 0x1070, 0x1071

BOUNDS = ("FIRST", "END", "FIRST_HOT")  # which are no calls
NAMES = {number: f"emu_{name.lower()}" for name, number in vars().copy().items()
         if isinstance(number, int) and FIRST <= number < END and name not in BOUNDS}  # fmt: skip
