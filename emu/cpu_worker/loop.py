"""A CPU's main loop, hot: interrupts, the next thread, the guest, its system calls.

`run` returns to cold code only when something has to be done there: send a message that
wakes a parked actor (KICK), fetch the payload of an interrupt (CALL), sleep because there is
nothing to run (PARK), end (EXITED).  Between two returns a CPU takes interrupts at the end
of a guest's basic blocks.
"""

from ..abi.errno import EFAULT
from ..abi.registers import A0, A7
from ..hot import entry, hot, never_inline
from ..kernel.actions import BLOCK, END_TASK, GIVE, HAND_OVER, LEFT, RESUME, SERVE, YIELD, YIELD_TO
from ..kernel.groups.records import INTR_INTERRUPT
from ..kernel.ipc.pager import has_pager
from ..kernel.ipi import cancel_park, mark_parked, send_ipi
from ..kernel.leaving_code import leave_code
from ..kernel.linux.forwarding import forward
from ..kernel.pausing import end_pause_here, pause_here
from ..kernel.sched import queues
from ..kernel.sched.core import others_wait, pay_look, pick_next, switch, switch_to, work_for, yield_to
from ..kernel.sched.hooks import TICK, TIMESLICE, has_hook
from ..kernel.sched.hotplug import begin_life, evacuate, retire
from ..kernel.sched.local_queue import available
from ..kernel.sched.migration import balance_periodically, move_misplaced
from ..kernel.sched.recording import PREEMPT_MAY_NOT_STAY, PREEMPT_SLICE, PREEMPT_TICK, record_call
from ..kernel.sched.runqueue import may_not_stay
from ..kernel.server_ring import REQUEST_PROGRAM, REQUEST_SIGNAL, REQUEST_SYSCALL, REQUEST_TRAP
from ..kernel.sleep.endings import begin_anew, end_interrupted
from ..kernel.task.cpu_limit import check_cpu_limit
from ..kernel.task.debugging import passes_gate, stops_for_signal
from ..kernel.task.exiting import exit_thread
from ..kernel.task.suspend import stop_here
from ..kernel.thread.leaving import must_come, must_leave
from ..kernel.thread.pending import signal_waits
from ..kernel.thread.reaping import delete_dead
from ..kernel.thread.states import FAULT_CALL, FAULT_TRAP, LIFE_DRAINING, RESTART_PAGED, RESTART_WOKEN
from ..kernel.ticks import count_ticks
from ..kernel.upcalls.boundary import tick_group
from ..kernel.vm.shootdown import activate_tlb, answer_shootdowns, deactivate_tlb, give_way_to_shooters
from ..kernel.vm.tlb import flush_tlb, leave_space, use_space
from ..limits import BALANCE_NS, BUDGET_INSTRUCTIONS, IPI_CALL, IPI_CODE, IPI_TLB, TRANSLATOR
from ..shm.atomics import exchange, load_relaxed, load_seq_cst, pause
from ..shm.clock import now_ns
from ..shm.cpumask import clear_cpu, has_cpu, set_cpu
from ..shm.events import HOST_STALL, INTERRUPT, PROGRESS, UNPARK, emit, emit_at
from ..shm.events import PARK as EVENT_PARK
from ..shm.exits import (
    CAUSE_AGAIN,
    CAUSE_DEBUG,
    EXIT_ECALL,
    EXIT_TRAP,
    ONE,
)
from ..shm.layout import machine_at
from ..shm.memory import address_of, call_3, call_4, host_yield, monotonic_ns
from .asking import ask_server, bring_page, enters_user_space, send_fault, stop, take_answer
from .profiling import sample
from .stalls import STALL_NS, look_for_stall
from .stepping import run_debugged

# What cold code has to do.
PARK, KICK, CALL, EXITED, FAILED = range(1, 6)
POLLS_BETWEEN_CLOCKS = 64


@entry(2)
def start(address, me):
    """This CPU's scheduler begins its life: it takes threads from now on."""
    m = machine_at(address)
    c = m.cpus[me]
    c.current = -1
    c.resched = 0
    flush_tlb(m, me)
    begin_life(m, me, me)
    c.since_ns = monotonic_ns()
    return 0


@entry(2)
def run(address, me):
    """Run guests until cold code is needed; returns what it has to do."""
    m = machine_at(address)
    c = m.cpus[me]
    activate_tlb(m, me)
    if c.paused_ns != 0:
        end_pause_here(m, me)
    elif c.since_ns == 0:  # back from parking
        emit(m, me, UNPARK, -1, 0, 0)
        _not_idle(m, me)
    while True:
        if load_relaxed(m, "failed") != 0:
            return _to_cold(m, me, FAILED)
        if load_relaxed(c, "pending") != 0:
            pending = exchange(c, "pending", 0)
            emit(m, me, INTERRUPT, -1, pending, 0)
            answer_shootdowns(m, me)
            if pending & IPI_CODE:
                leave_code(m, me)
            if pending & IPI_TLB and m.nr_cpus > m.host_cores:
                give_way_to_shooters(m, me)
            if load_relaxed(m.queues[me], "dead") != 0:
                delete_dead(m, me)
            if m.queues[me].life == LIFE_DRAINING or has_cpu(m, "exclusive", me):
                evacuate(m, me)
            elif load_relaxed(m.deques[me], "misplaced") != 0:
                move_misplaced(m, me)
            if pending & IPI_CALL:
                return _to_cold(m, me, CALL)
        if load_relaxed(m, "paused") != 0:  # after tlb_active was set, and interrupts were taken; pairs with stop_all
            if pause_here(m, me):
                return PARK
            activate_tlb(m, me)
            continue
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
        use_space(m, me, t.task)  # first: the kernel's own stores need the shoot-downs too
    if must_come(m, i):
        if must_leave(m, i):
            exit_thread(m, me, i, 0)
        else:
            ask_server(m, me, i, REQUEST_PROGRAM)  # which goes on once the others have left
        return
    if t.faulting != 0 and take_answer(m, me, i):
        return
    gate = load_relaxed(m.tasks[t.task], "stopped")
    if gate != 0 and not passes_gate(m, me, i, gate):
        return
    if load_relaxed(t, "suspend") != 0 and t.restart != RESTART_WOKEN:  # whose call has not ended yet
        stop_here(m, me, i)  # cz-5: the safe point
        return
    if c.resched != 0 or may_not_stay(m, me, t):
        c.preempt_why = PREEMPT_MAY_NOT_STAY
        switch(m, me, i, False)
        return
    if t.restart == RESTART_WOKEN:
        t.restart = 0
        t.x[A0] = t.restart_a0
        _call(m, me, i)
        return
    undisturbed = t.undisturbed
    if t.fault_signal != 0 or (undisturbed == 0 and signal_waits(m, t)):
        if gate == 0 or not stops_for_signal(m, me, i, gate):
            ask_server(m, me, i, REQUEST_SIGNAL)
        return
    if t.restart != 0:
        is_paged = t.restart == RESTART_PAGED
        if not is_paged and load_relaxed(t, "kse_interrupt") == INTR_INTERRUPT:
            end_interrupted(t)
        else:
            begin_anew(t)
        if is_paged:
            send_fault(m, me, i, FAULT_CALL)
            return
    if t.kse != 0 and not enters_user_space(m, me, i):
        return
    budget = c.tick_at - c.instructions
    if budget <= 0:
        budget = BUDGET_INSTRUCTIONS
        c.tick_at = c.instructions + budget
        if _tick(m, me, i):
            return
    if undisturbed != 0:
        budget = 1
    if gate != 0:
        reason = run_debugged(m, me, i, budget)
    else:
        reason = call_4(c.interpret, address_of(m), me, i, budget)
        if reason == EXIT_TRAP and c.cause == CAUSE_DEBUG:  # a breakpoint of another task, which has this code, too
            reason = call_4(c.interpret, address_of(m), me, i, ONE)
    if undisturbed != 0:
        t.undisturbed = 0
    if reason == EXIT_ECALL:
        _system_call(m, me, i)
    elif reason == EXIT_TRAP and c.cause != CAUSE_AGAIN:
        t.cause = c.cause
        t.trap_value = c.trap_value
        if has_pager(m, t):
            send_fault(m, me, i, FAULT_TRAP)
        else:
            ask_server(m, me, i, REQUEST_TRAP)


@hot
def _system_call(m, me, i):
    c = m.cpus[me]
    t = m.threads[i]
    c.syscalls += 1
    t.pc += 4
    t.restart_a0 = t.x[A0]
    t.sleep_done = 0
    _call(m, me, i)


@hot
def _call(m, me, i):
    """Execute a system call, for the first time or again."""
    c = m.cpus[me]
    t = m.threads[i]
    since_ns, faults, number = now_ns(m), c.page_faults, t.x[A7]
    c.missing = 0
    action = call_3(c.linux_call, address_of(m), me, i)
    if action == LEFT:  # the record may be another thread's already
        return
    if action == SERVE and load_relaxed(m.tasks[t.task], "file_server") != 0:
        action = forward(m, me, i)
    ended_ns = now_ns(m)
    t.system_ns += ended_ns - since_ns
    c.system_ns += ended_ns - since_ns
    t.faults += c.page_faults - faults
    if action == RESUME and c.missing != 0 and t.x[A0] == -EFAULT:
        bring_page(m, me, i, c.missing, c.missing_access)
        return
    if action == RESUME:
        record_call(m, me, i, number, since_ns, ended_ns)
        return
    if action == END_TASK:
        return
    if action == YIELD:
        c.just_now_ns = ended_ns
        if switch(m, me, i, True) == i and m.nr_cpus > m.host_cores:
            host_yield()  # nobody else waits here, and the thread may spin for something that needs this host core
    elif action == BLOCK or action == HAND_OVER:
        c.just_now_ns = ended_ns if action == HAND_OVER else 0
        stop(m, me, i, action)
    elif action == GIVE:
        switch_to(m, me, i, c.heir, False)
    elif action == YIELD_TO:
        yield_to(m, me, i, c.heir)
    elif action == SERVE:
        ask_server(m, me, i, REQUEST_SYSCALL)


@hot
def _tick(m, me, i):
    """The instruction budget is used up: balance, look at the slice. True when the CPU shall look again what to run."""
    never_inline()
    if load_relaxed(m, "profiling") != 0 and not sample(m, me, i):
        return True
    c = m.cpus[me]
    now = now_ns(m)
    count_ticks(m)
    if c.found_heat != 0:
        c.found_heat = 0
        send_ipi(m, me, TRANSLATOR, IPI_CODE)
    if load_relaxed(m.tasks[m.threads[i].task], "cpu_limit_ns") != 0:
        check_cpu_limit(m, me, m.threads[i].task)
    if m.tracing != 0:
        look_for_stall(m, me)
    if m.threads[i].kse != 0:
        tick_group(m, me, i, now)
    if now >= c.balance_at_ns:
        c.balance_at_ns = now + BALANCE_NS
        balance_periodically(m, me)
    if has_hook(m, me, TICK):
        wanted = _ask_policy(m, me, TICK, i) == 1
        c.preempt_why = PREEMPT_TICK
    else:
        wanted = _slice_is_over(m, me, i, now) and others_wait(m, me)
        c.preempt_why = PREEMPT_SLICE
    if wanted:
        switch(m, me, i, False)
    return wanted


@hot
def _ask_policy(m, me, hook, i):
    """Call a hook about the running thread, after its time so far has been booked."""
    return queues.ask(m, me, hook, i)


@hot
def _slice_is_over(m, me, i, now):
    """Whether the running thread has used up its time slice; a new one begins."""
    c = m.cpus[me]
    if c.slice_end_ns == 0:
        c.slice_ns = m.slice_ns
        if has_hook(m, me, TIMESLICE):
            c.slice_ns = _ask_policy(m, me, TIMESLICE, i)
        c.slice_end_ns = c.slice_start_ns + c.slice_ns
    if now < c.slice_end_ns:
        return False
    if not others_wait(m, me):
        c.slice_end_ns = 0
        c.slice_start_ns = now
    return True


@hot
def _idle(m, me):
    """With nothing to run, poll a little. Returns 0 when work has come, else what cold code has to do."""
    never_inline()
    c = m.cpus[me]
    now = monotonic_ns()
    c.busy_ns += now - c.since_ns  # the cold code in between counts as busy
    c.since_ns = 0
    c.stall_from_ns = 0
    c.looked = 0
    deactivate_tlb(m, me)  # nobody need wait for a CPU that runs no guest
    set_cpu(m, "idle", me)  # before the last look at the queues; pairs with announce
    stop_polling_ns = now + m.poll_ns
    doing = -1
    polls = 0
    while doing < 0:
        doing = _found(m, me)
        if doing < 0:
            pause()
            polls += 1
            if polls % POLLS_BETWEEN_CLOCKS == 0:
                before = now
                now = monotonic_ns()
                if now - before > STALL_NS:
                    emit(m, me, HOST_STALL, -1, now - before, now - before)
                if now >= stop_polling_ns:
                    doing = _park(m, me)
    if doing == 0:
        _not_idle(m, me)
    return doing


@hot
def _not_idle(m, me):
    """This CPU stops looking for work and leaves the idle mask; a parked one stays in it until it is back."""
    m.cpus[me].since_ns = monotonic_ns()
    activate_tlb(m, me)
    if not clear_cpu(m, "idle", me):
        pay_look(m, me)


@hot
def _found(m, me):
    """0 when this CPU has something to do in hot code, EXITED when it is done, else -1.

    An idle stretch tries only once to take threads from other queues: so a thread that may not run here
    does not keep this CPU awake, and nothing is missed, since each new thread is announced to idle CPUs.
    """
    c = m.cpus[me]
    if load_seq_cst(c, "pending") != 0 or available(m, me) > 0:
        return 0
    if c.looked == 0 and work_for(m, me):
        c.looked = 1
        if pick_next(m, me) >= 0:
            return 0
    if load_relaxed(m, "draining") != 0 or m.queues[me].life == LIFE_DRAINING:
        if retire(m, me):
            leave_space(m, me)
            return EXITED
    return 0 if load_relaxed(m, "failed") != 0 else -1


@hot
def _park(m, me):
    """Mark this CPU parked. PARK when it may sleep, 0 when work was found after all, EXITED when it is done."""
    c = m.cpus[me]
    now = now_ns(m)  # before anybody can send a message
    mark_parked(m, me)
    found = _found(m, me)
    if found < 0:
        c.parks += 1
        emit_at(m, me, now, PROGRESS, -1, c.instructions, c.translated)
        emit_at(m, me, now, EVENT_PARK, -1, 0, 0)
        return PARK
    return found if cancel_park(m, me) or found == EXITED else PARK
