"""Tasks, jobs, and the wait queues of tasks."""

from ...limits import NUM_SIGNALS, TASK_POLICY_WORDS, WAIT_QUEUES
from .declare import i64, i64s, line, many, mask, record
from .signals import TASK_SIGNALS

WAIT_QUEUE = record(
    "WAIT_QUEUE",
    i64("lock"),
    i64("head", guard="lock", doc="first sleeper + 1"),
    i64("tail", guard="lock", doc="last sleeper + 1"),
    i64("owner", guard="lock", doc="of a mutex: the thread that holds it + 1, 0 nobody"),
)

TASK = record(
    "TASK",
    i64("lock", doc="guards the list of threads"),
    i64("state", guard="lock", doc="truth: TASK_*"),
    i64("generation", guard="tasks_lock"),
    i64("next_free", guard="tasks_lock"),
    i64("first_thread", guard="lock"),
    i64("nr_threads", guard="lock"),
    i64("leader", doc="handle of the first thread"),
    i64("job", doc="index, fixed"),
    i64("pid", doc="the leader's tid, fixed"),
    i64("past_instructions", guard="atomic", doc="retired by threads that have left"),
    i64("exiting", guard="atomic", doc="0, or wait status + 1 once the task is told to end"),
    i64("kill_reason", guard="who set exiting", doc="KILL_* of kernel/task/kill_reasons.py"),
    i64("references", guard="atomic", doc="retains, holds, killed bit (kernel/thread/references.py)"),
    line("memory"),
    i64("mm_lock", doc="guards the page tables"),
    i64("map_lock", doc="held over a whole change of what is mapped (kernel/vm/maplock.py)"),
    i64("root", guard="mm_lock", doc="frame of the root page table, -1 none"),
    i64("brk_start", guard="map_lock"),
    i64("brk", guard="map_lock"),
    i64("map_cursor", guard="map_lock", doc="mappings are placed below this"),
    i64("resident", guard="atomic", unit="frames"),
    line("cpus"),
    mask("cpus", guard="atomic", doc="CPUs whose TLB may hold entries of this task"),
    line("signals"),
    *TASK_SIGNALS,
    i64("trampoline", doc="guest address of the signal-return code"),
    i64s("handler", NUM_SIGNALS, guard="server"),
    i64s("handler_flags", NUM_SIGNALS, guard="server"),
    i64s("handler_mask", NUM_SIGNALS, guard="server"),
    line("policy"),
    i64s("policy", TASK_POLICY_WORDS, guard="atomic", doc="the policy's own words (kse-7, alux-10)"),
    line("kernel objects"),
    many("wait_queues", WAIT_QUEUE, WAIT_QUEUES),
    many("mutexes", WAIT_QUEUE, WAIT_QUEUES),
)

JOB = record(
    "JOB",
    i64("generation", guard="tasks_lock", doc="grows when the record is given back"),
    i64("next_free", guard="tasks_lock"),
    i64("number", doc="counts the machine's jobs, from 0"),
    i64("task", doc="handle"),
    i64("done", guard="atomic", doc="1 once status is final, and while the record is free"),
    i64("status", doc="as from wait(): signal in bits 0-6, exit status in bits 8-15"),
    i64("kill_reason", doc="KILL_*"),
    # Sums over its threads that have left (kernel/task/exiting.py).
    i64("threads", guard="atomic"),
    i64("runtime_ns", guard="atomic", unit="ns"),
    i64("run_delay_ns", guard="atomic", unit="ns"),
    i64("slices", guard="atomic"),
    i64("involuntary", guard="atomic"),
    i64("migrations", guard="atomic"),
    i64("instructions", guard="atomic"),
)
