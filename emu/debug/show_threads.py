"""What the debugger shows of threads, CPUs and queues: each function returns lines."""

import time

import numpy as np

from ..kernel.failures import explain
from ..kernel.thread.states import RUNNABLE, RUNNING, STATE_NAMES, SUSPENDED, WHERE
from ..limits import GLOBAL_QUEUE, MAX_QUEUES, SERVER_RING
from ..machine.symbols import printable
from ..machine.waits import queue_name, what_for
from ..shm.cpumask import to_int
from .graph import edges
from .text import call_name, columns, seconds

LIVES = ("created", "running", "draining", "exited")
REGISTERS = (
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
    "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
)  # fmt: skip
WORD = (1 << 64) - 1


def state_name(state):
    return STATE_NAMES[state] if state < len(STATE_NAMES) else f"state {state}"


def doing(inspector, i, waits):
    """What a thread does or waits for, in words."""
    if i in waits:
        wait = waits[i]
        held = f", held by {inspector.title(wait.holder)}" if wait.holder >= 0 and "of " not in wait.what else ""
        return wait.what + held
    return what_for(inspector.thread(i), inspector.now_ns(), inspector.machine)


def machine(inspector):
    m, header, now_ns = inspector.machine, inspector.header, inspector.now_ns()
    code = int(m["failed"])
    failure = header.get("failure") or (explain(code, int(m["failed_value"]), header["policy"]) if code else "none")
    taken = "" if inspector.live else f", {time.strftime('%F %T', time.localtime(header['taken']))}"
    facts = [
        (
            "machine",
            f"supervisor {inspector.pid}, {'running' if inspector.live else 'a snapshot' + taken}"
            f"{', paused' if m['paused'] else ''}",
        ),
        ("CPUs", f"{inspector.nr_cpus()}, policy {printable(header['policy'])}, seed {header['seed']}"),
        (
            "up",
            f"{seconds(now_ns - int(m['made_ns']))}, {len(inspector.living())} threads, {len(inspector.tasks())} tasks",
        ),
        (
            "failure",
            failure,
        ),
    ]
    if header.get("left_out"):
        facts.append(("left out", f"{header['left_out'] >> 20} MiB of guest memory"))
    return [f"{name:8} {value}" for name, value in facts]


def _cpus(inspector, mask):
    """A mask of CPUs in words."""
    allowed = [k for k in range(inspector.nr_cpus()) if mask >> k & 1]
    return "any CPU" if len(allowed) == inspector.nr_cpus() else f"CPUs {', '.join(map(str, allowed)) or 'none'}"


def all_threads(inspector):
    waits, now_ns, rows = edges(inspector), inspector.now_ns(), []
    for i in inspector.living():
        t, state = inspector.thread(i), inspector.state(i)
        since = "" if state == RUNNING else seconds(now_ns - int(t["queued_ns"]))
        rows.append(
            (inspector.tid(i), f"#{i}", inspector.pid_of(i), inspector.name(i), state_name(state),
             doing(inspector, i, waits), since, f"{inspector.address_of_thread(i):#x}")
        )  # fmt: skip
    return columns(("tid", "index", "task", "name", "state", "waits", "for", "address"), rows, "no thread is alive")


def thread(inspector, i):
    t, waits, now_ns = inspector.thread(i), edges(inspector), inspector.now_ns()
    k, where = inspector.task_of(i), int(t["where"])
    pc = int(t["pc"])
    facts = [
        (
            "thread",
            f"#{i} at {inspector.address_of_thread(i):#x}, tid {inspector.tid(i)}, generation {t['generation']}",
        ),
        ("name", inspector.name(i)),
        ("task", f"{inspector.pid_of(i)} (#{k}), job {inspector.job_of(k)}, {inspector.program_path(k)}".rstrip(", ")),
        ("state", f"{state_name(WHERE.get(where, 'state'))}, queue of {queue_name(WHERE.get(where, 'queue'))}"),
    ]
    if inspector.exists(i):
        facts.append(("does", doing(inspector, i, waits)))
    if i in waits:
        facts.append(("since", seconds(now_ns - int(t["queued_ns"]))))
    heirs = [inspector.title(w.thread) for w in waits.values() if w.holder == i]
    facts += [
        ("waited for by", ", ".join(heirs) or "nobody"),
        ("suspended", "yes" if int(t["suspend"]) == SUSPENDED else "asked to" if t["suspend"] else "no"),
        ("priority", f"nice {t['nice']}, real-time {t['realtime']} (its own {t['own_realtime']})"),
        ("affinity", f"{_cpus(inspector, to_int(t['affinity']))}, last on CPU {t['last_cpu']}"),
        ("ran", f"{seconds(int(t['runtime_ns']))} in {int(t['slices']):,} slices, "
                f"{int(t['instructions']):,} instructions"),
        ("waited", f"{seconds(int(t['run_delay_ns']))} runnable; {int(t['migrations']):,} migrations, "
                   f"{int(t['involuntary']):,} times preempted"),
        ("last call", f"{call_name(int(t['x'][17]))}, by a7"),
        ("signals", f"pending {int(t['signals']) & WORD:#x}, blocked {int(t['signal_mask']) & WORD:#x}"),
        ("pc", f"{pc:#x} {inspector.place(k, pc)}".rstrip()),
    ]  # fmt: skip
    width = max(len(name) for name, _ in facts)
    lines = [f"{name:{width}}  {value}" for name, value in facts]
    words = [f"{name:>4} {int(t['x'][n]) & WORD:016x}" for n, name in enumerate(REGISTERS)]
    return lines + ["  ".join(words[n : n + 4]) for n in range(0, 32, 4)]


def cpus(inspector):
    rows = []
    for k in range(inspector.nr_cpus()):
        c, queue, i = inspector.cpu(k), inspector.machine["queues"][k], inspector.current(k)
        life = int(queue["life"])
        pc = int(inspector.thread(i)["pc"]) if i >= 0 else 0
        rows.append(
            (k, int(c["process"]), LIVES[life] if 0 <= life < len(LIVES) else life,
             "parked" if c["parked"] else "idle" if i < 0 else "busy", inspector.title(i) if i >= 0 else "",
             f"{pc:#x} {inspector.place(inspector.task_of(i), pc)}".rstrip() if i >= 0 else "",
             f"{int(c['pending']):#x}", f"{int(c['switches']):,}", f"{int(c['instructions']):,}")
        )  # fmt: skip
    heading = ("CPU", "process", "scheduler", "is", "runs", "pc", "interrupts", "switches", "instructions")
    return columns(heading, rows)


def queues(inspector):
    """Run queues, by the threads' truth words; the ring of the system server; the timekeeper's heap."""
    m, rows = inspector.machine, []
    where = inspector.threads()["where"]
    state, on = WHERE.get(where, "state"), WHERE.get(where, "queue")
    for queue in (*range(inspector.nr_cpus()), GLOBAL_QUEUE):
        q = m["queues"][queue]
        waiting = np.flatnonzero((state == RUNNABLE) & (on == queue)).tolist()
        if queue >= MAX_QUEUES or (queue == GLOBAL_QUEUE and not waiting and not q["lock"]):
            continue
        waiting.sort(key=lambda i: int(inspector.thread(i)["queued_ns"]))
        held = int(q["lock"])
        names = ", ".join(inspector.title(i) for i in waiting[:8]) + (", …" if len(waiting) > 8 else "")
        rows.append((queue_name(queue), inspector.actor(held) if held else "free", int(q["nr_threads"]), len(waiting),
                     names))  # fmt: skip
    head, tail = int(m["server_head"]), int(m["server_tail"])
    asking = [int(m["server_ring"][at % SERVER_RING]) for at in range(tail, min(head, tail + 8))]
    names = ", ".join(inspector.title(word - 1) for word in asking if word > 0)
    return [
        *columns(("queue", "lock", "registered", "runnable", "longest waiting first"), rows),
        f"system server: {max(head - tail, 0)} requests{': ' + names if names else ''}",
        f"timekeeper: {int(m['nr_timeouts']):,} time-outs in its heap, {int(m['stale_timeouts']):,} of ended sleeps",
    ]


def tasks(inspector):
    rows = []
    for k in inspector.tasks():
        t = inspector.task(k)
        state = "ends" if t["exiting"] else "stopped" if t["stopped"] else "alive" if t["state"] == 1 else "zombie"
        leader = inspector.leader(k)
        rows.append(
            (int(t["pid"]), f"#{k}", int(t["parent_pid"]), inspector.job_of(k), state, int(t["nr_threads"]),
             f"{int(t['resident']) * 4:,} KiB", inspector.name(leader) if leader >= 0 else "",
             inspector.program_path(k))
        )  # fmt: skip
    return columns(
        ("pid", "index", "parent", "job", "state", "threads", "resident", "leader", "program of the job"), rows
    )
