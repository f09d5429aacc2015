"""A policy under stress: everything that the core asks of it, at once, on real CPU processes, and what is left then.

`stress_policy` runs churn.py on machines of several sizes.  Odd seeds also hold the processes up at any instruction, as
the host does, only more often (holdups.py).  Afterwards nobody is at work, and it checks:

lost      every thread that was started and has not left has one state, and gets a CPU again when all are woken
twice     no thread ran on two CPUs at once
charge    a policy's words that are to balance (`balanced`) are 0 where no thread is registered any more
unfair    of equal threads on one CPU each gets at least a part FAIR of its share of the picks
alive     no process died, hung in a list that is a circle, or failed the machine

A hook that changes words or lists of a queue whose lock it does not hold shows as a thread that is lost or picked
twice, as a count that is wrong, or as a process that dies on a broken list.
"""

from ..actor.policies import install, load_policy
from ..hot import entry
from ..kernel.failures import explain
from ..kernel.sched.core import leave, pick_next, switch
from ..kernel.sched.waking import make_runnable, start_thread
from ..kernel.thread.records import allocate_thread, free_thread
from ..kernel.thread.sleep_word import claim, sleep_word
from ..kernel.thread.states import RUNNABLE, WHERE
from ..limits import GLOBAL_QUEUE, SERVER
from ..shm.layout import machine_at
from .bare import bare_window
from .checks import threads_by_queue
from .churn import ALIVE
from .crew import Crew

STEPS = 100_000_000  # more than a run has time for
PATIENCE_S = 20.0  # for processes to leave, on a busy host
SEEDS = 20
CPUS = (2, 4)
BOUND_S = 0.4  # of one run
EQUAL, PICKS = 6, 600  # threads, and how often one is picked among them
FAIR = 0.25


@entry(2)
def _wake_all(address, me):
    """Wake every sleeper; how many there were."""
    m = machine_at(address)
    woken = 0
    for i in range(m.fresh_thread):
        word = sleep_word(m.threads[i])
        if word != 0 and claim(m.threads[i], word):
            make_runnable(m, me, i)
            woken += 1
    return woken


@entry(2)
def _run_to_the_end(address, me):
    """The running thread leaves, and every thread that this CPU gets after it; how many did."""
    m = machine_at(address)
    ended = 0
    i = m.cpus[me].current
    while i >= 0 or (m.failed == 0 and pick_next(m, me) >= 0):
        i = m.cpus[me].current
        leave(m, me, i)
        free_thread(m, me, i)
        ended += 1
        i = -1
    return ended


@entry(3)
def _start(address, me, count):
    m = machine_at(address)
    for _ in range(count):
        start_thread(m, me, allocate_thread(m, me, 0))
    return 0


@entry(2)
def _next_turn(address, me):
    """The running thread is preempted; who runs next, -1 when nobody does."""
    m = machine_at(address)
    i = m.cpus[me].current
    m.cpus[me].resched = 0
    return switch(m, me, i, False) if i >= 0 else pick_next(m, me)


def stress_policy(path, *, seeds=SEEDS, cpus=CPUS, balanced=(), first_seed=0):
    """Hammer a policy; AssertionError says what is wrong, with which seed and how many CPUs, and how to replay it.

    path       a built-in policy's name or the path of a policy file
    seeds      how many seeds to try, from first_seed on
    cpus       sizes of the machines, at least 2 CPUs each
    balanced   numbers of queue policy words (or names of the module's constants) that are 0 when a queue has no thread

    ValueError for no seeds or no such machine, which would find nothing; PolicyError for a file that cannot be loaded.
    """
    if seeds < 1 or not cpus or min(cpus) < 2:
        raise ValueError(f"stress_policy needs 1 seed or more and machines of 2 CPUs or more, not {seeds=}, {cpus=}")
    path = str(path)
    module = load_policy(path)  # PolicyError, once, and not in every process
    words = [getattr(module, word) if isinstance(word, str) else word for word in balanced]
    for seed in range(first_seed, first_seed + seeds):
        if wrong := unfair(path, seed):
            raise AssertionError(_said(path, seed, 1, wrong))
        for workers in cpus:
            if wrong := _churned(path, seed, workers, words):
                raise AssertionError(_said(path, seed, workers, wrong))


def _said(path, seed, workers, wrong):
    replay = f"stress_policy({path!r}, first_seed={seed}, seeds=1) or pytest --emu-seed {seed}"
    return f"policy {path}, seed {seed}, {workers} CPUs: {wrong}; replay: {replay}"


def _churned(path, seed, workers, words):
    """What is wrong after a run, or ""."""
    with Crew(workers, seed, policy=path, held_up=bool(seed % 2)) as run:
        jobs = [("churn", (STEPS,))] * workers
        run.run("emu.testing.churn", jobs, bound_s=BOUND_S, destroys=True, patience_s=PATIENCE_S)
        m = run.machine
        if m["failed"]:
            return explain(int(m["failed"]), int(m["failed_value"]), path)
        if run.died:
            return f"alive: {run.died} CPU processes died or did not end, as on a list that is broken"
        if run.violations:
            return "twice: a thread ran on two CPUs at once"
        module = load_policy(path)
        for actor in (*range(workers), SERVER):
            install(m["cpus"][actor], module)  # this process plays them from here on
        return lost(run.window, path, int(run.words[ALIVE])) or unbalanced(run.window, workers, words)


def lost(window, path, alive):
    """Which threads cannot be brought to their end, or "": all that are alive are woken, and each gets a CPU."""
    m, base = window.machine, window.address
    cpus = range(int(m["nr_cpus"]))
    known = sum(len(threads) for queue in threads_by_queue(m).values() for threads in queue.values())
    if known != alive:
        return f"lost: {alive} threads are alive, {known} have a state"
    _wake_all(base, SERVER)
    ended, more = 0, True
    while more:
        more = sum(_run_to_the_end(base, cpu) for cpu in cpus)
        ended += more
    if m["failed"]:
        return explain(int(m["failed"]), int(m["failed_value"]), path)
    if ended != alive:
        where = {queue: sorted(set().union(*states.values())) for queue, states in threads_by_queue(m).items()}
        return f"lost: {alive} threads are alive, {ended} got a CPU again; left by queue: {where}"
    return ""


def unbalanced(window, workers, words):
    """Which balanced word is not 0 though no thread is registered with its queue, or ""."""
    queues = window.machine["queues"]
    for queue in (*range(workers), GLOBAL_QUEUE):
        for word in words:
            left = int(queues[queue]["policy"][word])
            if left != 0 and int(queues[queue]["nr_threads"]) == 0:
                return f"charge: word {word} of queue {queue} is {left}, and no thread is left there"
    return ""


def unfair(path, seed):
    """What is unfair about the turns of equal threads on one CPU, or ""."""
    with bare_window(1, path, seed) as window:
        base, m = window.address, window.machine
        _start(base, 0, EQUAL)
        turns = dict.fromkeys(threads_of(m), 0)
        for _ in range(PICKS):
            i = _next_turn(base, 0)
            if m["failed"]:
                return explain(int(m["failed"]), int(m["failed_value"]), path)
            if i not in turns:
                return f"lost: nobody runs though {EQUAL} threads could"
            turns[i] += 1
            m["threads"][i]["runtime_ns"] += 1_000_000  # each turn counts the same
        if min(turns.values()) < FAIR * PICKS / EQUAL:
            return f"unfair: of {PICKS} turns {EQUAL} equal threads got {sorted(turns.values())}"
        return lost(window, path, EQUAL)


def threads_of(machine):
    """The threads that wait or run."""
    where = machine["threads"]["where"][: int(machine["fresh_thread"])]
    return [i for i, word in enumerate(where.tolist()) if WHERE.get(word, "state") == RUNNABLE]
