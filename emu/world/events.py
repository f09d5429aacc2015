"""Events: what a thread does that others may notice.  Before each, the strategy says which thread goes on.

An event is a load or store of a shared word (shared.py), an atomic on one, or a system call.  Before it happens the
thread has changed nothing of it: the pc is that of its instruction.  So the thread can give way there, with what it is
about to do noted (WORLD_THREAD.kind, .at), and when it is chosen again it does just that, without another question.

`fault` and `interpret` stand in the CPU's record where an ordinary machine has those of the MMU and of the interpreter.
A strategy that lets the same thread go on is asked and answers within the access; only a switch leaves the guest.
Where a schedule is told (TELL), cold code has a look before each event that happens (WORLD.left is AT_EVENT).

A thread that uses shared words again and again, and changes nothing, spins: it waits for another thread, which has to
go on, or for time to pass.  So it gives way then, whatever the strategy.
"""

from ..abi.registers import A7
from ..abi.syscall_numbers import NUMBERS
from ..cpu_worker.mmu import find_page
from ..hot import callback, hot, never_inline
from ..kernel.native.numbers import EXPLORE_BEGIN
from ..limits import PAGE_SIZE, SUPERVISOR, TLB_ENTRIES
from ..shm.exits import ACCESS_FETCH, ACCESS_WRITE, EXIT_ECALL, EXIT_INTERRUPT, EXIT_TRAP
from ..shm.layout import machine_at
from ..shm.memory import address_of, call_2, call_4, load_64, wrapping_multiply
from .layout import (
    AT_EVENT,
    AT_MARK,
    BOOT,
    CALL,
    IDLES,
    MAX_LOGGED,
    MAX_SWITCHES,
    NOTHING,
    PROFILE,
    READ,
    TELL,
    TOO_LONG,
    WRITE,
    world_of,
)
from .shared import HIDDEN, is_shared, note, page_of

CAUSE_EVENT = -8  # as CPU.cause: no trap, the thread gives way before what it is about to do
EVENT_NS = 1000  # virtual time that passes with each
SPINS = 64  # events without a change: the thread gives way
SPINS_ALONE = 1024  # likewise, where no other thread can run
CLONE, CLONE3 = NUMBERS["clone"], NUMBERS["clone3"]
_PRIME = 0x100000001B3  # of FNV-1a


@hot
def leave(m, w, me, reason, value):
    """The guest's CPU returns to cold code at its next look: WORLD.left says why."""
    w.left = reason
    w.left_value = value
    w.left_thread = m.cpus[me].current
    c = m.cpus[me]
    c.kicked[c.kicks] = SUPERVISOR
    c.kicks += 1


@hot
def _digest(w, value):
    w.digest = wrapping_multiply(w.digest ^ value, _PRIME)


@hot
def ask(w, current):
    """The strategy's choice among the threads that wait and `current` (-1: that one cannot go on)."""
    return call_2(w.choose, address_of(w), current)


@hot
def note_switch(w, i, to, forced):
    """Thread `to` goes on instead of thread i; `forced`: that one could not, or spins."""
    if w.nr_switches < MAX_SWITCHES:
        s = w.switches[w.nr_switches]
        s.step = w.step
        s.thread = i
        s.events = w.threads[i].events
        s.to = to
        s.forced = forced
        w.nr_switches += 1
    if forced == 0:
        w.preemptions += 1


@hot
def log(w, i, kind, at, chosen):
    """A decision, where decisions are logged."""
    if w.logging == 0 or w.nr_logged == MAX_LOGGED:
        return
    n = w.log[w.nr_logged]
    w.nr_logged += 1
    n.thread = i
    n.kind = kind
    n.at = at
    n.chosen = chosen
    n.events = w.threads[i if i >= 0 else w.running].events
    n.waiting = 0
    for k in range(w.nr_waiting):
        n.waiting |= 1 << (w.waiting[k] & 63)


@hot
def grant(w, i):
    """Thread i runs next: what it was about to do, it does."""
    w.threads[i].granted = int(w.threads[i].kind != NOTHING)


@hot
def _spins(w, i, kind, at):
    t = w.threads[i]
    if kind == READ or at == t.last:
        t.reads += 1
    else:
        t.reads = 0
    t.last = at
    return t.reads >= SPINS


@hot
def decide(m, w, me, i, kind, at):
    """Thread i is about to do this: the thread that goes on now, which is granted what it is about to do."""
    never_inline()
    w.step += 1
    m.clock_start_ns += EVENT_NS
    _digest(w, (i << 56) ^ (kind << 50) ^ at)
    t = w.threads[i]
    t.events += 1
    if w.step >= w.max_steps:
        leave(m, w, me, TOO_LONG, w.step)
        return i
    spins = _spins(w, i, kind, at)
    if w.nr_waiting == 0:
        if t.reads >= SPINS_ALONE:
            t.reads = 0
            leave(m, w, me, IDLES, 0)
        log(w, i, kind, at, i)
        return i
    t.kind = kind
    t.at = at
    if spins:
        t.reads = 0
        t.yielded = 1
    chosen = ask(w, -1 if spins else i)
    log(w, i, kind, at, chosen)
    if chosen == i:
        t.kind = NOTHING
        return i
    note_switch(w, i, chosen, int(spins))
    grant(w, chosen)
    return chosen


# --- accesses ---------------------------------------------------------------------------------------


@hot
def _hidden(m, cpu, va, access):
    """Host address of a watched page's byte, 0 after a fault; its translation is hidden from the fast path."""
    c = m.cpus[cpu]
    slot = ((va >> 12) & (TLB_ENTRIES - 1)) * 2
    page = va & -PAGE_SIZE
    if access == ACCESS_WRITE:
        if c.write_tlb[slot] == page | HIDDEN:
            return va + c.write_tlb[slot + 1]
        host = find_page(m, cpu, va, access)
        if c.write_tlb[slot] == page:
            c.write_tlb[slot] = page | HIDDEN
        return host
    if c.read_tlb[slot] == page | HIDDEN:
        return va + c.read_tlb[slot + 1]
    host = find_page(m, cpu, va, access)
    if c.read_tlb[slot] == page:
        c.read_tlb[slot] = page | HIDDEN
    return host


@callback(4)
def fault(address, cpu, va, access):
    """As the MMU's, and what is said above of switch points."""
    m = machine_at(address)
    w = world_of(m)
    if access == ACCESS_FETCH or w.mode == BOOT:
        return find_page(m, cpu, va, access)
    i = m.cpus[cpu].current
    if w.mode == PROFILE:
        host = _hidden(m, cpu, va, access)
        if host == 0 or m.tasks[m.threads[i].task].nr_threads == 1 or note(w, i, va, access) == 0:
            return host
    else:
        k = page_of(w, va)
        if k < 0:
            return find_page(m, cpu, va, access)
        host = _hidden(m, cpu, va, access)
        if host == 0 or not is_shared(w, k, va):
            return host
    t = w.threads[i]
    kind = WRITE if access == ACCESS_WRITE else READ
    c = m.cpus[cpu]
    c.cause = CAUSE_EVENT
    c.trap_value = va
    if t.granted == 0:
        w.chosen = decide(m, w, cpu, i, kind, va & ~7)
        if w.chosen != i:
            return 0
        w.chosen = -1
    if w.mode == TELL and t.told == 0:
        w.value = load_64(host & ~7)
        _tell(m, w, cpu, i, kind, va)
        return 0
    _do_it(t)
    return host


@hot
def _do_it(t):
    t.granted = 0
    t.told = 0
    t.kind = NOTHING


@hot
def _tell(m, w, me, i, kind, at):
    """Cold code has a look before thread i does this."""
    never_inline()
    t = w.threads[i]
    t.kind = kind
    t.at = at
    t.granted = 1
    t.told = 1
    leave(m, w, me, AT_EVENT, 0)


# --- the interpreter --------------------------------------------------------------------------------


@hot
def _is_mark(m, i):
    """Whether the call that thread i is about to make begins what is explored."""
    number = m.threads[i].x[A7]
    return number == CLONE or number == CLONE3 or number == EXPLORE_BEGIN


@hot
def _give_way(m, w, me, chosen):
    w.chosen = chosen
    m.cpus[me].resched = 1
    return EXIT_INTERRUPT


@hot
def _not_counted(m, me, i):
    """The ecall will be executed, and counted, again."""
    m.threads[i].instructions -= 1
    m.cpus[me].instructions -= 1


@hot
def _before_call(m, w, me, i):
    """Thread i is about to make a system call: EXIT_ECALL, it does; EXIT_INTERRUPT, not now."""
    if w.mode == BOOT:
        if not _is_mark(m, i):
            return EXIT_ECALL
        _not_counted(m, me, i)
        leave(m, w, me, AT_MARK, m.threads[i].x[A7])
        return EXIT_INTERRUPT
    t = w.threads[i]
    number = m.threads[i].x[A7]
    if t.granted == 0:
        chosen = decide(m, w, me, i, CALL, number)
        if chosen != i:
            _not_counted(m, me, i)
            return _give_way(m, w, me, chosen)
    if w.mode == TELL and t.told == 0:
        _not_counted(m, me, i)
        _tell(m, w, me, i, CALL, number)
        return EXIT_INTERRUPT
    _do_it(t)
    return EXIT_ECALL


@callback(4)
def interpret(address, me, i, budget):
    """As the interpreter's; a thread that is to give way returns EXIT_INTERRUPT, with CPU.resched set."""
    m = machine_at(address)
    w = world_of(m)
    reason = call_4(w.interpret, address, me, i, budget)
    if reason == EXIT_ECALL:
        return _before_call(m, w, me, i)
    if reason != EXIT_TRAP or m.cpus[me].cause != CAUSE_EVENT:
        return reason
    return EXIT_INTERRUPT if w.left == AT_EVENT else _give_way(m, w, me, w.chosen)
