"""Events: what a thread does that others may notice.  Before each, the strategy says which thread goes on.

An event is a load or store of a shared word (shared.py), an atomic on one, or a system call.  Load-reserved and the
store-conditional that follows it are one: else two threads could take each other's reservation for ever.  Before an
event the thread has changed nothing of it: the pc is that of its instruction.  So the thread can give way there, with
what it is about to do noted (WORLD_THREAD.kind, .at), and when it is chosen again it does just that, without another
question.

`fault` and `interpret` stand in the CPU's record where an ordinary machine has those of the MMU and of the interpreter.
A strategy that lets the same thread go on is asked and answers within the access; only a switch leaves the guest.
Where a schedule is told (TELL), cold code has a look before each event that happens (WORLD.left is AT_EVENT).

A thread that uses shared words again and again, and changes nothing, spins: it waits for another thread, which has to
go on, or for time to pass.  So it gives way then, whatever the strategy; and so does one that changes something, but
has had thousands of events in a row.
"""

from ..abi.futex import PRIVATE, REALTIME, WAIT, WAKE
from ..abi.registers import A0, A7
from ..abi.syscall_numbers import NUMBERS
from ..cpu_worker.mmu import find_page
from ..hot import callback, hot
from ..kernel.native.numbers import EXPLORE_BEGIN
from ..shm.exits import (
    ACCESS_FETCH,
    ACCESS_WRITE,
    CONDITIONAL,
    EXIT_ECALL,
    EXIT_INTERRUPT,
    EXIT_TRAP,
    RESERVES,
)
from ..shm.layout import machine_at
from ..shm.memory import call_4, load_64
from .deciding import decide, do_it, give_way, leave, stops_first, tell
from .layout import AT_MARK, BOOT, CALL, EXPLORE, PROFILE, READ, TELL, WRITE, world_of
from .shared import hidden, is_shared, note, page_of
from .weak import is_weak, weak_of
from .weak_loads import redirected
from .weak_run import fence_call, run_weakly, settle

CAUSE_EVENT = -8  # as CPU.cause: no trap, the thread gives way before what it is about to do
CLONE, CLONE3 = NUMBERS["clone"], NUMBERS["clone3"]
EXIT, FUTEX = NUMBERS["exit"], NUMBERS["futex"]
_UNNOTICED = (
    *("rt_sigprocmask", "gettid", "getpid", "set_tid_address", "set_robust_list", "sigaltstack", "clock_gettime"),
    *("clock_getres", "uname"),
)
# Calls of which other threads notice nothing, unless it be by a fault, nor they of others: no switch points.
QUIET = (EXPLORE_BEGIN, *(NUMBERS[name] for name in (*_UNNOTICED, "brk", "mmap", "mprotect")))
# The frequent calls that leave every page where it is; the others are taken for ones that may move some.
KEEPS_PAGES = (
    EXPLORE_BEGIN,
    *(NUMBERS[name] for name in _UNNOTICED),
    *(NUMBERS[name] for name in ("futex", "sched_yield", "write", "writev", "nanosleep", "clock_nanosleep")),
    *(NUMBERS[name] for name in ("exit", "exit_group", "tgkill", "tkill", "ioctl")),
)


# --- accesses ---------------------------------------------------------------------------------------


@callback(4)
def fault(address, cpu, va, access):
    """As the MMU's, and what is said above of switch points."""
    m = machine_at(address)
    w = world_of(m)
    if access == ACCESS_FETCH or w.mode == BOOT:
        return find_page(m, cpu, va, access)
    i = m.cpus[cpu].current
    if w.mode == PROFILE:
        host = hidden(m, cpu, va, access)
        if host == 0 or m.tasks[m.threads[i].task].nr_threads == 1 or note(w, i, va, access) == 0:
            return host
    else:
        k = page_of(w, va)
        if k < 0:
            return find_page(m, cpu, va, access)
        host = hidden(m, cpu, va, access)
        if host == 0 or not is_shared(w, k, va):
            return host
        if w.weak != 0 and weak_of(w).redirect != 0:  # weak_run.py has decided, and says where the word is
            return redirected(w, va)
    t = w.threads[i]
    c = m.cpus[cpu]
    kind = WRITE if access == ACCESS_WRITE or c.atomic == RESERVES else READ
    is_same_event = c.atomic == CONDITIONAL and c.reservation == host
    c.cause = CAUSE_EVENT
    c.trap_value = va
    if t.granted == 0 and not is_same_event:
        w.chosen = decide(m, w, cpu, i, kind, va & ~7)
        if w.chosen != i:
            return 0
        w.chosen = -1
        if stops_first(m, cpu):
            return 0
    if w.mode == TELL and t.told == 0:
        w.value = load_64(host & ~7)
        tell(m, w, cpu, i, WRITE if access == ACCESS_WRITE else READ, va)
        return 0
    do_it(t)
    return host


# --- the interpreter --------------------------------------------------------------------------------


@hot
def _is_mark(m, w, i):
    """Whether the call that thread i is about to make begins what is explored."""
    number = m.threads[i].x[A7]
    if w.has_mark != 0:
        return number == EXPLORE_BEGIN
    return number == CLONE or number == CLONE3


@hot
def _not_counted(m, me, i):
    """The ecall will be executed, and counted, again."""
    m.threads[i].instructions -= 1
    m.cpus[me].instructions -= 1


@hot
def _is_one_of(number, calls):
    found = False
    for each in calls:
        found = found or number == each
    return found


@hot
def _word_of(m, i, number):
    """The word on which a call of thread i waits or wakes, where that is all that others notice of it; 0: more."""
    t = m.threads[i]
    if number == EXIT and t.robust_list == 0:
        return t.clear_child_tid & ~7
    if number != FUTEX:
        return 0
    operation = t.x[A0 + 1] & ~(PRIVATE | REALTIME)
    if operation == WAKE or (operation == WAIT and t.x[A0 + 3] == 0):
        return t.x[A0] & ~7
    return 0


@hot
def _before_call(m, w, me, i):
    """Thread i is about to make a system call: EXIT_ECALL, it does; EXIT_INTERRUPT, not now."""
    if w.mode == BOOT:
        if not _is_mark(m, w, i):
            return EXIT_ECALL
        _not_counted(m, me, i)
        leave(m, w, me, AT_MARK, m.threads[i].x[A7])
        return EXIT_INTERRUPT
    t = w.threads[i]
    number = m.threads[i].x[A7]
    if is_weak(m, w, i) and not fence_call(m, w, me, i):
        _not_counted(m, me, i)
        return give_way(m, w, me, w.chosen)
    is_quiet = w.all_calls == 0 and _is_one_of(number, QUIET)
    if w.weak != 0:  # then what takes effect before it (`settle`) is noticed
        is_quiet = is_quiet and _is_one_of(number, KEEPS_PAGES)
    t.word = _word_of(m, i, number)
    if t.granted == 0 and not is_quiet:
        chosen = decide(m, w, me, i, CALL, number)
        if chosen != i or stops_first(m, me):
            _not_counted(m, me, i)
            return EXIT_INTERRUPT if chosen == i else give_way(m, w, me, chosen)
    if w.mode == TELL and t.told == 0 and not is_quiet:
        _not_counted(m, me, i)
        tell(m, w, me, i, CALL, number)
        return EXIT_INTERRUPT
    if not is_quiet:
        do_it(t)
    if w.weak != 0 and w.mode >= EXPLORE and not _is_one_of(number, KEEPS_PAGES):
        settle(m, w)
    return EXIT_ECALL


@callback(4)
def interpret(address, me, i, budget):
    """As the interpreter's; a thread that is to give way returns EXIT_INTERRUPT, with CPU.resched set."""
    m = machine_at(address)
    w = world_of(m)
    if is_weak(m, w, i):
        reason = run_weakly(m, w, me, i, budget)
    else:
        reason = call_4(w.interpret, address, me, i, budget)
    if reason == EXIT_ECALL:
        return _before_call(m, w, me, i)
    if reason != EXIT_TRAP or m.cpus[me].cause != CAUSE_EVENT:
        return reason
    return EXIT_INTERRUPT if stops_first(m, me) and w.chosen < 0 else give_way(m, w, me, w.chosen)
