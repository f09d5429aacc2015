"""A CPU's main loop, hot: interrupts, the next thread, the guest, its system calls.

`run` returns to cold code only when something has to be done there: a message to
send (KICK), a payload to fetch (CALL), nothing to run (PARK), the end (EXITED).
Between two returns a CPU takes interrupts at the end of a guest's basic blocks.
"""

from ..hot import entry, hot, never_inline
from ..kernel.exiting import exit_thread
from ..kernel.hooks import TICK, TIMESLICE, call_hook, has_hook
from ..kernel.ipi import cancel_park, mark_parked, send_ipi
from ..kernel.sched import block, lock_queue, pick_next, switch, unlock_queue, work_for
from ..kernel.server_ring import REQUEST_SIGNAL, REQUEST_SYSCALL, REQUEST_TRAP, ask_for_thread
from ..kernel.signals import signal_waits
from ..kernel.sleeping import expire_timeouts, interrupt_sleep
from ..kernel.states import LIFE_DRAINING, LIFE_EXITED, LIFE_RUNNING, SLEEP_SERVER
from ..kernel.syscalls.actions import BLOCK, END_TASK, LEFT, RESUME, SERVE, YIELD
from ..kernel.syscalls.linux.calls import linux_call
from ..kernel.task import is_ending
from ..kernel.vm.shootdown import activate_tlb, answer_shootdowns, deactivate_tlb, flush_tlb
from ..kernel.wait import A0, prepare_sleep
from ..limits import BUDGET_INSTRUCTIONS, IPI_CALL, IPI_STOP, SUPERVISOR
from ..shm.atomics import (
    exchange,
    fetch_and,
    fetch_or,
    load_relaxed,
    load_seq_cst,
    pause,
)
from ..shm.exits import EXIT_BUDGET, EXIT_ECALL, EXIT_TRAP
from ..shm.layout import machine_at
from ..shm.memory import address_of, call_4, monotonic_ns

# What cold code has to do.
PARK, KICK, CALL, EXITED, FAILED = range(1, 6)
POLLS_BETWEEN_CLOCKS = 64


@entry(2)
def start(address, me):
    """The scheduler begins its life."""
    m = machine_at(address)
    c = m.cpus[me]
    c.current = -1
    c.tlb_task = -1
    flush_tlb(m, me)
    lock_queue(m, me, me)
    m.queues[me].life = LIFE_RUNNING
    unlock_queue(m, me, me)
    c.since_ns = monotonic_ns()
    return 0


@entry(2)
def run(address, me):
    """Run guests until cold code is needed; returns what for."""
    m = machine_at(address)
    c = m.cpus[me]
    activate_tlb(m, me)
    if c.since_ns == 0:  # back from parking
        _not_idle(m, me)
    while True:
        if load_relaxed(m, "failed") != 0:
            return _to_cold(m, me, FAILED)
        if load_relaxed(c, "pending") != 0:
            pending = exchange(c, "pending", 0)
            answer_shootdowns(m, me)
            if pending & IPI_CALL:
                return _to_cold(m, me, CALL)
        if c.kicks != 0:
            return _to_cold(m, me, KICK)
        i = c.current
        if i < 0:
            i = pick_next(m, me)
        if i < 0:
            doing = _idle(m, me)
            if doing != 0:
                return _to_cold(m, me, doing)
        else:
            _run_thread(m, me, i)


@hot
def _to_cold(m, me, doing):
    deactivate_tlb(m, me)
    return doing


@hot
def _run_thread(m, me, i):
    """Run one thread until its next trap, system call, or the end of its budget."""
    c = m.cpus[me]
    t = m.threads[i]
    if c.tlb_task != t.task:
        _use_space(m, me, t.task)  # first: the kernel's own stores need the shoot-downs too
    if is_ending(m, t.task):
        exit_thread(m, me, i, 0)
        return
    if (t.affinity >> me) & 1 == 0:
        switch(m, me, i)
        return
    if signal_waits(m, t) or t.fault_signal != 0:
        _ask_server(m, me, i, REQUEST_SIGNAL)
        return
    if t.restart != 0:  # interrupted by a signal that another thread took
        t.restart = 0
        t.pc -= 4
        t.x[A0] = t.restart_a0
    reason = call_4(c.interpret, address_of(m), me, i, BUDGET_INSTRUCTIONS)
    if reason == EXIT_ECALL:
        _system_call(m, me, i)
    elif reason == EXIT_BUDGET:
        _tick(m, me, i)
    elif reason == EXIT_TRAP:
        t.cause = c.cause
        t.trap_value = c.trap_value
        _ask_server(m, me, i, REQUEST_TRAP)


@hot
def _use_space(m, me, task):
    """From now on the TLB holds entries of this task; others shoot at its `cpus` mask."""
    c = m.cpus[me]
    flush_tlb(m, me)
    if c.tlb_task >= 0:
        fetch_and(m.tasks[c.tlb_task], "cpus", ~(1 << me))
    c.tlb_task = task
    fetch_or(m.tasks[task], "cpus", 1 << me)  # before the first lookup; pairs with shoot_down's read


@hot
def _system_call(m, me, i):
    t = m.threads[i]
    m.cpus[me].syscalls += 1
    t.pc += 4
    t.restart_a0 = t.x[A0]
    action = linux_call(m, me, i)
    if action == RESUME or action == LEFT or action == END_TASK:
        return
    if action == YIELD:
        switch(m, me, i)
    elif action == BLOCK:
        if is_ending(m, t.task) or signal_waits(m, t):
            interrupt_sleep(m, me, i)  # cz-4: the event came before the sleep
        block(m, me, i)
    elif action == SERVE:
        _ask_server(m, me, i, REQUEST_SYSCALL)


@hot
def _ask_server(m, me, i, request):
    """The thread sleeps while the system server works for it."""
    never_inline()
    t = m.threads[i]
    t.request = request
    prepare_sleep(t, SLEEP_SERVER)
    ask_for_thread(m, me, i)
    block(m, me, i)


@hot
def _tick(m, me, i):
    """The budget is used up: look at the clock, at timers, and whether others wait."""
    never_inline()
    c = m.cpus[me]
    if c.nr_timers > 0:
        expire_timeouts(m, me)
    if has_hook(m, me, TICK):
        lock_queue(m, me, me)
        now = call_hook(m, me, TICK, me, i)
        unlock_queue(m, me, me)
        if now != 0:
            switch(m, me, i)
        return
    now_ns = monotonic_ns()
    if c.slice_end_ns == 0:
        slice_ns = m.slice_ns
        if has_hook(m, me, TIMESLICE):
            lock_queue(m, me, me)
            slice_ns = call_hook(m, me, TIMESLICE, me, i)
            unlock_queue(m, me, me)
        c.slice_end_ns = now_ns + slice_ns
    elif now_ns >= c.slice_end_ns:
        c.slice_end_ns = 0
        if load_relaxed(m.queues[me], "nr_runnable") > 0:
            switch(m, me, i)


@hot
def _idle(m, me):
    """Nothing to run: poll a little, then 0 (work has come) or what cold code has to do."""
    never_inline()
    c = m.cpus[me]
    now = monotonic_ns()
    c.busy_ns += now - c.since_ns  # cold code between two stretches counts as busy
    c.since_ns = 0
    fetch_or(m, "idle", 1 << me)  # before the last look at the queues; pairs with _announce
    stop_polling_ns = now + m.poll_ns
    doing = -1
    polls = 0
    while doing < 0:
        doing = _found(m, me)
        if doing < 0:
            pause()
            polls += 1
            if polls % POLLS_BETWEEN_CLOCKS == 0 and monotonic_ns() >= stop_polling_ns:
                doing = _park(m, me)
    if doing != PARK:
        _not_idle(m, me)
    return doing


@hot
def _not_idle(m, me):
    """This CPU looks for work no more; a parked one stays in the mask until it is back."""
    fetch_and(m, "idle", ~(1 << me))
    m.cpus[me].since_ns = monotonic_ns()


@hot
def _found(m, me):
    """0 when this CPU has something to do in hot code, EXITED when it is done, else -1."""
    c = m.cpus[me]
    if c.nr_timers > 0:
        expire_timeouts(m, me)
    if load_seq_cst(c, "pending") != 0 or work_for(m, me):
        return 0
    if load_relaxed(m, "draining") != 0 and _retire(m, me):
        return EXITED
    return 0 if load_relaxed(m, "failed") != 0 else -1


@hot
def _park(m, me):
    """PARK when this CPU may sleep (it is marked parked), 0 when work was found after all."""
    c = m.cpus[me]
    mark_parked(m, me)
    c.wake_at_ns = expire_timeouts(m, me) if c.nr_timers > 0 else 0
    if _found(m, me) < 0:
        c.parks += 1
        return PARK
    return 0 if cancel_park(m, me) else PARK


@hot
def _retire(m, me):
    """A draining scheduler without threads exits; the last one signals the supervisor (rust-3)."""
    lock_queue(m, me, me)
    q = m.queues[me]
    q.life = LIFE_EXITED if q.nr_threads == 0 else LIFE_DRAINING
    exited = q.life == LIFE_EXITED
    unlock_queue(m, me, me)
    if exited and fetch_and(m, "active", ~(1 << me)) == 1 << me:
        send_ipi(m, me, SUPERVISOR, IPI_STOP)
    return exited
