"""Two idle CPUs, a thread that either may run, and something that happens to the lower one as it is told of the thread.

    worker  plays
    0       CPU 0, which wakers tell first, by the real main loop; it leaves, becomes exclusive, … in the round
    1       CPU 1, by the real main loop; it stays as it is
    2       nothing: CPU 2 is busy for ever, and the thread waits on its queue (or on the global one)
    3       the waker
    4       who does it to CPU 0

Guest code is a system call that falls asleep again.  Messages are in shared memory alone (parked = MESSAGE_COMING),
so that there are many rounds.  Nothing is decided by time.  A thread is lost when it is runnable, the waker and
worker 4 are done, CPU 0 has exited, sleeps, or runs another thread, and CPU 1 sleeps without an interrupt: then nobody
will ever look.
"""

from emu.cpu_worker import loop
from emu.hot import callback, entry, hot
from emu.kernel.actions import BLOCK
from emu.kernel.ipi import AWAKE, PARKED, cancel_park, mark_parked, take_kicks
from emu.kernel.sched.core import block, pick_next
from emu.kernel.sched.exclusive import set_exclusive
from emu.kernel.sched.hotplug import activate, take_offline
from emu.kernel.sched.migration import set_affinity
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.runqueue import lock_two, unlock_two
from emu.kernel.sched.waking import make_runnable
from emu.kernel.thread.records import allocate_thread
from emu.kernel.thread.sleep_word import claim, prepare_sleep, sleep_word
from emu.kernel.thread.states import (
    BLOCKED,
    LIFE_CREATED,
    LIFE_DRAINING,
    LIFE_EXITED,
    RUNNABLE,
    SLEEP_TIME,
    pack_where,
    state_of,
    where_queue,
)
from emu.limits import GLOBAL_QUEUE
from emu.shm.atomics import exchange, load_relaxed, load_seq_cst, store_relaxed
from emu.shm.cpumask import clear_cpu, has_cpu, mask_all, mask_of, set_cpu, store_mask, to_words
from emu.shm.exits import EXIT_ECALL
from emu.shm.layout import machine_at
from emu.shm.memory import address_of, call_3
from emu.testing.crew import LINE, OWN, dawdle, get_word, meet, over, result, set_word, spin, violation

LEAVES, EXCLUSIVE, BARRED, BUSY = range(4)
NAMES = {"leaves": LEAVES, "becomes-exclusive": EXCLUSIVE, "is-barred": BARRED, "gets-another-thread": BUSY}
FIRST, SECOND, BUSY_CPU, WAKER, CONTROLLER = range(5)
CPUS = 3
(
    THREAD, OTHER, OUT, BACK, HOLD, HOLDING, FOUND, TOLD,
) = (OWN + k * LINE for k in range(8))  # fmt: skip

# --- CPUs -----------------------------------------------------------------------------------------


@callback(4)
def guest(address, me, i, budget):
    """In place of the interpreter."""
    return EXIT_ECALL


@callback(3)
def sleeps_again(address, me, i):
    """The system call. The other thread keeps its CPU until it is let go."""
    m = machine_at(address)
    if i == get_word(m, OTHER):
        set_word(m, HOLDING, 1)
        spins = 0
        while get_word(m, HOLD) != 0 and not over(m):
            spins = spin(spins)
        set_word(m, HOLDING, 0)
    prepare_sleep(m.threads[i], SLEEP_TIME)
    return BLOCK


@entry(2)
def await_message(address, me):
    """A parked CPU's sleep; 0 when the run is over."""
    m = machine_at(address)
    c = m.cpus[me]
    spins = 0
    while load_seq_cst(c, "parked") == PARKED:
        if over(m):
            return 0
        spins = spin(spins)
    exchange(c, "parked", AWAKE)
    return 1


@entry(2)
def await_return(address, me):
    """The CPU has exited; 1 when it shall come back."""
    m = machine_at(address)
    set_word(m, OUT, 1)
    spins = 0
    while get_word(m, BACK) == 0 and not over(m):
        spins = spin(spins)
    set_word(m, BACK, 0)
    m.queues[me].life = LIFE_CREATED
    exchange(m.cpus[me], "pending", 0)
    exchange(m.cpus[me], "parked", AWAKE)
    return 0 if over(m) else 1


def _play(window, me, run):
    base, record = window.address, window.machine["cpus"][me]
    record["interpret"], record["linux_call"] = guest.address, sleeps_again.address
    loop.start(base, me)
    goes_on = 1
    while goes_on:
        doing = run(base, me)
        if doing == loop.PARK:
            goes_on = await_message(base, me)
        elif doing == loop.KICK:
            forget_kicks(base, me)
        elif doing == loop.EXITED:
            goes_on = await_return(base, me)
            activate(base, me, me)
            loop.start(base, me)
        else:
            raise AssertionError(f"the machine failed: {window.machine['failed']}")


def cpu(window, me, workers, directory):
    _play(window, me, loop.run)


def bad_cpu(window, me, workers, directory):
    _play(window, me, run_badly)


def nobody(window, me, workers, directory):
    pass


@entry(2)
def forget_kicks(address, me):
    return take_kicks(machine_at(address), me)


# --- control: CPU 0 is told of the thread, held up before it looks, and told to leave meanwhile ----


@hot
def _found_badly(m, me):
    """What ends idleness: an interrupt, or that the CPU leaves: EXITED."""
    if load_seq_cst(m.cpus[me], "pending") != 0:
        return 0
    if m.queues[me].life == LIFE_DRAINING:
        lock_two(m, me, me, GLOBAL_QUEUE)
        exited = load_seq_cst(m.queues[me], "nr_threads") == 0
        m.queues[me].life = LIFE_EXITED if exited else LIFE_DRAINING
        unlock_two(m, me, me, GLOBAL_QUEUE)
        if exited:
            clear_cpu(m, "active", me)
            return loop.EXITED
    return -1


@entry(2)
def run_badly(address, me):
    """Control: `loop.run` without a word of passing on, and without giving back what waits."""
    m = machine_at(address)
    c = m.cpus[me]
    clear_cpu(m, "idle", me)
    while not over(m):
        if exchange(c, "pending", 0) != 0:
            spins = 0
            while m.queues[me].life != LIFE_DRAINING and not over(m):
                spins = spin(spins)
        i = c.current
        if i < 0:
            i = pick_next(m, me) if m.queues[me].life != LIFE_DRAINING else -1
        if i >= 0:
            call_3(c.linux_call, address_of(m), me, i)
            block(m, me, i)
            continue
        set_cpu(m, "idle", me)
        doing = -1
        looks = 0
        while doing < 0 and looks < 64:
            looks += 1
            doing = _found_badly(m, me)
            if doing < 0 and pick_next(m, me) >= 0:
                doing = 0
        if doing < 0:
            mark_parked(m, me)
            doing = 0 if load_seq_cst(c, "pending") != 0 and cancel_park(m, me) else loop.PARK
        if doing != 0:
            return doing
        clear_cpu(m, "idle", me)
    return loop.PARK


# --- the waker, and what happens to CPU 0 ---------------------------------------------------------


@hot
def _sleeps(m, cpu):
    """Parked, nobody on the way to wake it."""
    c = m.cpus[cpu]
    return load_seq_cst(c, "parked") == PARKED and load_seq_cst(c, "pending") == 0


@hot
def _nobody_will_look(m, t, what):
    """Whether thread t waits for ever. Each of these lasts, so the order of the looks does not matter."""
    first = _sleeps(m, FIRST)
    if what == LEAVES:
        first = get_word(m, OUT) != 0
    elif what == BUSY:
        first = get_word(m, HOLDING) != 0
    return first and _sleeps(m, SECOND) and state_of(t) == RUNNABLE


@hot
def _put_back(m, i):
    """The thread sleeps with the busy CPU, whose queue it joins when it is woken. Everybody else is at rest."""
    t = m.threads[i]
    queue = where_queue(load_relaxed(t, "where"))
    if queue != BUSY_CPU:
        lock_two(m, WAKER, queue, BUSY_CPU)
        m.queues[queue].nr_threads -= 1
        m.queues[BUSY_CPU].nr_threads += 1
        store_relaxed(t, "where", pack_where(BLOCKED, BUSY_CPU))
        unlock_two(m, WAKER, queue, BUSY_CPU)


@hot
def _wake(m, me, i):
    t = m.threads[i]
    claim(t, sleep_word(t))
    make_runnable(m, me, i)
    m.cpus[me].kicks = 0


@hot
def _await_both(m):
    """Both CPUs sleep. Else the second might find the thread by itself: it polls for a while."""
    spins = 0
    while not (_sleeps(m, FIRST) and _sleeps(m, SECOND)) and not over(m):
        spins = spin(spins)


@hot
def _wake_in_rounds(m, me, count, what, control):
    i = get_word(m, THREAD)
    t = m.threads[i]
    found = 0
    done = 0
    while done < count and not over(m):
        _put_back(m, i)
        if control:
            _await_both(m)
        meet(m, 2)
        dawdle(random_below(m, me, 60))
        _wake(m, me, i)
        set_word(m, TOLD, 1)
        meet(m, 2)
        spins = 0
        while state_of(t) != BLOCKED and not over(m):
            if _nobody_will_look(m, t, what):
                violation(m)
            if what == BUSY and get_word(m, HOLDING) == 0 and _sleeps(m, SECOND):
                set_word(m, HOLD, 0)  # nobody holds CPU 0 and the thread is its
            spins = spin(spins)
        found += 1 if t.last_cpu == FIRST else 0
        meet(m, 2)
        meet(m, 2)  # worker 4 has put all back
        done += 1
        result(m, me, done)
    set_word(m, FOUND, found)


@entry(5)
def waker(address, me, workers, count, what):
    _wake_in_rounds(machine_at(address), me, count, what, False)
    return 0


@entry(5)
def bad_waker(address, me, workers, count, what):
    """For the control: a thread that is lost shows at once."""
    _wake_in_rounds(machine_at(address), me, count, what, True)
    return 0


@hot
def _await_sleep(m, i):
    spins = 0
    while state_of(m.threads[i]) != BLOCKED and not over(m):
        spins = spin(spins)


@entry(2)
def begin_round(address, me):
    """Both are at the start, and a random time passes; 0 when the run is over."""
    m = machine_at(address)
    meet(m, 2)
    dawdle(random_below(m, me, 60))
    return 0 if over(m) else 1


@entry(2)
def begin_round_told(address, me):
    """For the control: CPU 0 has been told of the thread."""
    m = machine_at(address)
    set_word(m, TOLD, 0)
    meet(m, 2)
    spins = 0
    while get_word(m, TOLD) == 0 and not over(m):
        spins = spin(spins)
    return 0 if over(m) else 1


@entry(2)
def wake_other(address, me):
    m = machine_at(address)
    set_word(m, HOLD, 1)
    _wake(m, me, get_word(m, OTHER))
    return 0


@entry(2)
def end_of_round(address, me):
    """The waker's thread was run; then all is put back."""
    m = machine_at(address)
    m.cpus[me].kicks = 0
    meet(m, 2)
    meet(m, 2)
    return 0


@entry(2)
def put_back(address, me):
    m = machine_at(address)
    m.cpus[me].kicks = 0
    set_word(m, HOLD, 0)
    _await_sleep(m, get_word(m, OTHER))
    spins = 0
    while m.queues[FIRST].life == LIFE_DRAINING and not over(m):
        spins = spin(spins)
    if m.queues[FIRST].life == LIFE_EXITED:
        while get_word(m, OUT) == 0 and not over(m):
            spins = spin(spins)
        set_word(m, OUT, 0)
        set_word(m, BACK, 1)
    while not (has_cpu(m, "idle", FIRST) and has_cpu(m, "idle", SECOND)) and not over(m):
        spins = spin(spins)
    meet(m, 2)
    return 0


def _control(window, me, count, what, begin):
    base = window.address
    words = window.memory(0, 64).view("i8")
    i, other = int(words[THREAD]), int(words[OTHER])
    given = window.machine["cpus"][me]["given"]
    for _ in range(count):
        if not begin(base, me):
            break
        if what == LEAVES:
            take_offline(base, me, FIRST)
        elif what == EXCLUSIVE:
            set_exclusive(base, me, other, 1)
        elif what == BARRED:
            given[:] = to_words(~(1 << FIRST))
            set_affinity(base, me, i)
        else:
            wake_other(base, me)
        end_of_round(base, me)
        if what == EXCLUSIVE:
            set_exclusive(base, me, other, 0)
        elif what == BARRED:
            given[:] = to_words(-1)
            set_affinity(base, me, i)
        put_back(base, me)


def controller(window, me, workers, directory, count, what):
    _control(window, me, count, what, begin_round)


def bad_controller(window, me, workers, directory, count, what):
    _control(window, me, count, what, begin_round_told)


# --- the start ------------------------------------------------------------------------------------


@entry(3)
def make_sleeper(address, queue, cpu):
    """A thread that sleeps, registered with a queue, bound to a CPU (-1: to none); its index."""
    m = machine_at(address)
    i = allocate_thread(m, WAKER, 0)
    t = m.threads[i]
    store_mask(t, "affinity", mask_of(cpu) if cpu >= 0 else mask_all())
    t.last_cpu = -1
    store_relaxed(t, "where", pack_where(BLOCKED, queue))
    m.queues[queue].nr_threads += 1
    prepare_sleep(t, SLEEP_TIME)
    return i


def prepare(run, what):
    """The machine at the start: CPU 2 runs something for ever, and nobody is idle."""
    for each in (
        guest, sleeps_again, await_message, await_return, run_badly, forget_kicks, begin_round, begin_round_told,
        wake_other, end_of_round, put_back, loop.run, loop.start, set_exclusive, set_affinity, take_offline, activate,
    ):  # fmt: skip
        each.compile()
    machine, base = run.machine, run.window.address
    machine["nr_cpus"], machine["nr_active"], machine["poll_ns"] = CPUS, CPUS, 3000
    machine["online"] = machine["active"] = to_words(0b111)
    run.words[THREAD] = make_sleeper(base, BUSY_CPU, -1)
    home = BUSY_CPU if what == LEAVES else FIRST  # a CPU does not leave before a thread that is pinned to it
    run.words[OTHER] = make_sleeper(base, home, home)
    machine["cpus"]["current"][BUSY_CPU] = 9
