"""System calls on files that a thread of the guest's own executes: the file server of the caller's task (cz-15).

A task with a file server (TASK.file_server, a tid; fork hands it on, exec keeps it) has its calls about paths, and
those about descriptors that this server has opened (descriptions of kind FOREIGN), executed there.  All others are the
kernel's as ever: the standard streams, pipes and sockets, close, dup and fcntl.  The test stands where a call would be
left to the system server, so tasks without a file server do not pay for it.

The thread asks as one that faults does (ipc/asking.py).  The message says which call (bytes -2 minus its number: no
thread can send such a message) and its six arguments, where in place of a descriptor there is the server's own handle,
and last the flags of the description that the call is about.  The first register of the answer is the call's result, or

    NOT_MINE   the kernel executes it, as for a task without a file server: a server has no /proc, no devices

A server copies from and to the caller's memory (native/spaces.py), which cannot bring a page of the program's file that
nobody has touched yet.  So such pages are brought before the server is asked.

The working directory is an open file of the server's, too (files/directory.py).  So a server keeps none: a relative
path comes with a handle, as after a descriptor of openat's, and the answer to chdir is a handle.  Once a task has
changed to a directory of the machine's (which the server has said is not its own), relative paths are the kernel's.

openat's result is a handle.  The description is made before the server is asked, so nothing can fail afterwards but the
descriptor, and the answer writes the handle into it (ipc/transfer.py): so whenever the last reference to it goes, also
because the thread is killed before it runs again, the server is told (files/descriptions.py).

A call waits for its server and lets signals and suspends wait, since programs do not expect that a call on a file is
interrupted, and the server may have done half of it; a kill ends it.  A server that has left, or does not answer within
FILE_SERVER_PATIENCE_NS, is an input/output error of its clients'.  Rejected: to make the call again after a signal,
where the server would have to know what it has done already.

A call that uses both kinds of files at once (sendfile, splice…) is refused, and so is mapping a file of such a server.
"""

from ...abi.errno import EBADF, EFAULT, EINVAL, EIO, ENODEV, EXDEV
from ...abi.files import AT_FDCWD, CREATION_FLAGS, O_CLOEXEC, O_PATH, PATH_MAX
from ...abi.registers import A0
from ...abi.syscall_numbers import NUMBERS
from ...abi.words import int32
from ...hot import hot, never_inline
from ...limits import FILE_SERVER_PATIENCE_NS, PAGE_SIZE, USER_TOP
from ...shm.atomics import load_relaxed
from ...shm.exits import ACCESS_READ
from ...shm.memory import load_u8
from ...shm.spinlock import field_address
from ..actions import RESUME, SERVE
from ..critical import noncritical
from ..files.descriptions import (
    FILE_FOREIGN,
    NO_HANDLE,
    drop_description,
    hold_description,
    new_description,
)
from ..files.directory import MACHINES, STARTS, hold_directory, set_directory
from ..files.table import descriptor_limit, find_description, install, table_of
from ..ipc.asking import ask
from ..sleep.endings import ECALL_BYTES
from ..thread.states import CALL_FORWARDED, CALL_OPENS
from ..vm.usercopy import copy_user, get_word, may_load, may_store

GOES_ON, IS_SERVED = 0, 1  # what becomes of a thread that has its answer
NOT_MINE = -(1 << 16)  # an answer beside results
MAX_ERROR = 4095

OPENAT, RENAMEAT2, SYMLINKAT, LINKAT = (NUMBERS[name] for name in ("openat", "renameat2", "symlinkat", "linkat"))
CHDIR, FCHDIR, MKDIRAT, MKNODAT = (NUMBERS[name] for name in ("chdir", "fchdir", "mkdirat", "mknodat"))
MMAP, COPY_FILE_RANGE = NUMBERS["mmap"], NUMBERS["copy_file_range"]
SPLICES = (NUMBERS["sendfile"], NUMBERS["tee"])  # their first two arguments are descriptors
COPIES = (COPY_FILE_RANGE, NUMBERS["splice"])  # the first and the third
# Their first argument is the descriptor of a directory, the second a path.
AT_PATHS = tuple(
    NUMBERS[name]
    for name in (
        "openat", "mkdirat", "unlinkat", "faccessat", "faccessat2", "newfstatat", "readlinkat", "statx", "utimensat",
        "fchmodat", "fchownat", "mknodat", "renameat2", "linkat",
    )
)  # fmt: skip
# Their first argument is a path.
PATHS = tuple(NUMBERS[name] for name in ("truncate", "statfs", "chdir"))
# Their first argument is a descriptor.
ON_FILES = tuple(
    NUMBERS[name]
    for name in (
        "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek", "fstat", "getdents64",
        "ftruncate", "fsync", "fdatasync", "fallocate", "ioctl", "fchmod", "fchown", "fstatfs", "flock", "fadvise64",
        "fchdir", "sync_file_range",
    )
)  # fmt: skip
GETCWD = NUMBERS["getcwd"]
# The second argument is a buffer that is stored to or read, the third its size; or the second one of segments, in
# which there are both.
STORES = tuple(NUMBERS[name] for name in ("read", "pread64", "getdents64"))
LOADS = tuple(NUMBERS[name] for name in ("write", "pwrite64"))
VECTOR_STORES = tuple(NUMBERS[name] for name in ("readv", "preadv"))
VECTOR_LOADS = tuple(NUMBERS[name] for name in ("writev", "pwritev"))
SEGMENT_BYTES, MAX_SEGMENTS = 16, 1024
LOOKED_AT = 1024  # pages of a buffer; a server that finds more of them absent moves less
STRING_STEP = 512
SLASH = ord("/")


@hot
def forward(m, me, i):
    """The running thread's call, left to the system server: what the CPU does next. SERVE: it is that one's after all.

    RESUME: the thread has an error, or its answer (`after_call`).
    """
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    number = t.x[A0 + 7]
    server = load_relaxed(m.tasks[t.task], "file_server")
    for k in range(6):
        t.forwarded[k] = t.x[A0 + k]
    path = second = t.x[A0]
    if number in AT_PATHS:
        path = second = t.x[A0 + 1]
        t.forwarded[0], is_served = _directory(m, me, t, server, int32(t.x[A0]))
        if number == RENAMEAT2 or number == LINKAT:
            second = t.x[A0 + 3]
            t.forwarded[2], _ = _directory(m, me, t, server, int32(t.x[A0 + 2]))
    elif number == SYMLINKAT:
        path = t.x[A0 + 2]
        t.forwarded[1], is_served = _directory(m, me, t, server, int32(t.x[A0 + 1]))
    elif number in PATHS:
        t.forwarded[5], is_served = _directory(m, me, t, server, AT_FDCWD)
    elif number == GETCWD:
        t.forwarded[2], is_served = _directory(m, me, t, server, AT_FDCWD)
    else:
        return _on_file(m, me, i, number)
    if number == OPENAT:
        t.forwarded[3] &= ~load_relaxed(table_of(m, t.task), "umask")
    elif number == MKDIRAT or number == MKNODAT:
        t.forwarded[2] &= ~load_relaxed(table_of(m, t.task), "umask")
    if number != GETCWD and (_lacks_string(m, me, t.task, path) or _lacks_string(m, me, t.task, second)):
        return _fetch(t)
    if is_served and (number == GETCWD or not _is_absolute(m, me, t.task, path)):
        return SERVE
    if number != OPENAT and number != CHDIR:
        _hold_beginning(m, me, t, number)
        return ask(m, me, i, server, CALL_FORWARDED, FILE_SERVER_PATIENCE_NS)
    flags = t.x[A0 + 2] & 0xFFFFFFFF & ~CREATION_FLAGS if number == OPENAT else O_PATH
    d = new_description(m, me, FILE_FOREIGN, flags, NO_HANDLE)
    if d < 0:
        t.x[A0] = d
        return RESUME
    m.descriptions[d].output = server
    t.held_file = d + 1
    return ask(m, me, i, server, CALL_OPENS, FILE_SERVER_PATIENCE_NS)


@hot
def after_call(m, me, i):
    """The running thread has its file server's answer, or none: GOES_ON with the result, or IS_SERVED."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    opens = t.faulting == CALL_OPENS
    number = t.x[A0 + 7]
    d = t.held_file - 1
    result = t.fault_answer if t.x[A0] >= 0 else -EIO
    t.faulting = 0
    t.held_file = 0
    if result >= 0 and (number == CHDIR or number == FCHDIR):
        set_directory(m, me, t.task, d)  # the reference goes over
        d = -1
        result = 0
    elif result >= 0 and opens:
        close_on_exec = 1 if t.x[A0 + 2] & O_CLOEXEC else 0
        result = install(m, me, table_of(m, t.task), d, 0, descriptor_limit(m, t.task), close_on_exec)
        if result >= 0:
            d = -1  # its reference is the descriptor's
    if d >= 0:
        drop_description(m, me, d)
    if result == NOT_MINE:
        t.x[A0] = t.restart_a0
        return IS_SERVED
    if result == -EBADF and _has_moved(m, me, t, number):
        t.pc -= ECALL_BYTES
        t.x[A0] = t.restart_a0
        return GOES_ON
    t.x[A0] = result if result >= -MAX_ERROR else -EIO
    return GOES_ON


@hot
def _directory(m, me, t, server, fd):
    """(what the server gets for the descriptor of a directory, whether that is another file of the kernel's)."""
    if fd == AT_FDCWD:
        d = hold_directory(m, me, t.task)
        held = 1 if d >= 0 else 0
        if d == STARTS:
            return AT_FDCWD, False
        if d == MACHINES:
            return -EBADF, True
    else:
        d, held = find_description(m, me, t.task, fd)
    if d < 0:
        return -EBADF, False  # which the server says where the path does not begin at the root
    f = m.descriptions[d]
    kind, handle = f.kind, f.object
    if kind == FILE_FOREIGN and load_relaxed(f, "output") != server:
        handle = -EBADF
    if held:
        drop_description(m, me, d)
    return (handle, False) if kind == FILE_FOREIGN else (-EBADF, True)


@hot
def _beginning(t, number, first):
    """The working directory that a call begins in, as the server knows it; NO_HANDLE: none. `first`: its argument."""
    if number in AT_PATHS:
        return t.forwarded[0] if int32(first) == AT_FDCWD else NO_HANDLE
    return t.forwarded[5] if number in PATHS else NO_HANDLE


@hot
def _hold_beginning(m, me, t, number):
    """The working directory that a call begins in stays open until it is over, whichever one the task has by then."""
    never_inline()
    begins = _beginning(t, number, t.x[A0])
    d = hold_directory(m, me, t.task) if begins != NO_HANDLE else STARTS
    if d < 0:
        return
    if m.descriptions[d].kind == FILE_FOREIGN and m.descriptions[d].object == begins:
        t.held_file = d + 1
    else:
        drop_description(m, me, d)  # it has just been left: `_has_moved` finds out


@hot
def _has_moved(m, me, t, number):
    """Whether another thread has left the working directory that a call began in, which the server has closed since."""
    never_inline()
    begins = _beginning(t, number, t.restart_a0)
    if begins == NO_HANDLE:
        return False
    handle, _ = _directory(m, me, t, load_relaxed(m.tasks[t.task], "file_server"), AT_FDCWD)
    return begins != handle


@hot
def _is_absolute(m, me, task, va):
    """Whether a path begins at the root. One that cannot be read is the system server's to refuse."""
    buffer = field_address(m.cpus[me], "message")
    return copy_user(m, me, task, va, buffer, 1, ACCESS_READ) == 1 and load_u8(buffer) == SLASH


@hot
def _on_file(m, me, i, number):
    """As `forward`, for a call that names no path."""
    never_inline()
    t = m.threads[i]
    if number not in ON_FILES:
        return _refuse(m, me, t, number)
    d, held = find_description(m, me, t.task, int32(t.x[A0]))
    if d < 0:
        return SERVE
    f = m.descriptions[d]
    if f.kind != FILE_FOREIGN or _lacks_buffer(m, me, t, number):
        is_served = f.kind != FILE_FOREIGN
        if held:
            drop_description(m, me, d)
        return SERVE if is_served else _fetch(t)
    if not held:
        hold_description(m, d)  # whoever closes the descriptor meanwhile does not close the file
    t.held_file = d + 1
    t.forwarded[0] = f.object
    t.forwarded[5] = load_relaxed(f, "flags")
    return ask(m, me, i, load_relaxed(f, "output"), CALL_FORWARDED, FILE_SERVER_PATIENCE_NS)


@hot
def _refuse(m, me, t, number):
    """End a call that would need a file of both, or its pages, with an error; any other is the system server's."""
    error = 0
    if number == MMAP and _is_foreign(m, me, t, A0 + 4):
        error = -ENODEV
    elif number in SPLICES and (_is_foreign(m, me, t, A0) or _is_foreign(m, me, t, A0 + 1)):
        error = -EINVAL
    elif number in COPIES and (_is_foreign(m, me, t, A0) or _is_foreign(m, me, t, A0 + 2)):
        error = -EXDEV if number == COPY_FILE_RANGE else -EINVAL
    if error == 0:
        return SERVE
    t.x[A0] = error
    return RESUME


@hot
def _is_foreign(m, me, t, register):
    d, held = find_description(m, me, t.task, int32(t.x[register]))
    found = d >= 0 and m.descriptions[d].kind == FILE_FOREIGN
    if held:
        drop_description(m, me, d)
    return found


# --- pages that have to be brought first ------------------------------------------------------------------------------


@hot
def _fetch(t):
    """The call does nothing: a page is brought, and it is made again (cpu_worker/asking.py)."""
    t.x[A0] = -EFAULT
    return RESUME


@hot
def _lacks_string(m, me, task, va):
    """Whether a page of a path is not in memory yet; one that cannot be read at all is the server's to refuse."""
    never_inline()
    buffer = field_address(m.cpus[me], "message")
    done = 0
    while done < PATH_MAX and va >= 0 and va <= USER_TOP:
        step = min(STRING_STEP, PAGE_SIZE - ((va + done) & (PAGE_SIZE - 1)))
        if copy_user(m, me, task, va + done, buffer, step, ACCESS_READ) < step:
            break
        for k in range(step):
            if load_u8(buffer + k) == 0:
                return False
        done += step
    return m.cpus[me].missing != 0


@hot
def _lacks_buffer(m, me, t, number):
    """Whether a page that the call moves bytes to or from is not in memory yet."""
    never_inline()
    at, size = t.x[A0 + 1], t.x[A0 + 2]
    if number in STORES or number in LOADS:
        return _lacks(m, me, t.task, at, size, number in STORES)
    if number not in VECTOR_STORES and number not in VECTOR_LOADS:
        return False
    for k in range(min(size, MAX_SEGMENTS)):
        error, base = get_word(m, me, t.task, at + k * SEGMENT_BYTES)
        if error == 0:
            error, size = get_word(m, me, t.task, at + k * SEGMENT_BYTES + 8)
        if error < 0:
            return m.cpus[me].missing != 0
        if _lacks(m, me, t.task, base, size, number in VECTOR_STORES):
            return True
    return False


@hot
def _lacks(m, me, task, va, size, stores):
    if size <= 0 or va < 0 or va > USER_TOP:
        return False
    last = min(va + min(size, USER_TOP) - 1, va + LOOKED_AT * PAGE_SIZE)
    while va <= last:
        if not (may_store(m, me, task, va) if stores else may_load(m, me, task, va)):
            return m.cpus[me].missing != 0
        va = (va | (PAGE_SIZE - 1)) + 1
    return False
