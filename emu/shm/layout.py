"""The shared machine: every record, field by field, with guard and unit.

`MACHINE` describes the first part of the window that all processes of a machine
map at the same address; guest memory (RAM) and decoded instructions follow at
fixed offsets, so an address in this window means the same everywhere, and hot
code gets the whole machine from one integer: `m = machine_at(address)`.

Guards: "runqueue" is the lock of the queue named by the thread's `where` word;
"atomic" fields change by atomic instructions only; "this CPU" fields belong to
one CPU and others only read them for reports.

Truth words (everything linked is an index that can be rebuilt from them):
THREAD.where, TASK.state, FRAME.word.
"""

from ..hot import hot
from ..limits import (
    DECODED_OFFSET,
    DECODED_PAGE_BYTES,
    FUTEX_BUCKETS,
    MAX_ACTORS,
    MAX_CPUS,
    MAX_FRAMES,
    MAX_HOOKS,
    MAX_QUEUES,
    MAX_TASKS,
    MAX_THREADS,
    MAX_TIMERS,
    NUM_SIGNALS,
    PAGE_SHIFT,
    POLICY_WORDS,
    RAM_OFFSET,
    SERVER_RING,
    TLB_ENTRIES,
)
from .memory import address_of, record_at
from .records import i64, i64s, line, many, record

THREAD = record(
    "THREAD",
    # Guest registers first: the interpreter addresses them from the record's start.
    i64s("x", 33, guard="running CPU", doc="integer registers; x[32] takes writes to x0"),
    i64("pc", guard="running CPU"),
    i64s("f", 32, guard="running CPU", doc="floating-point registers, NaN-boxed"),
    i64("fcsr", guard="running CPU", doc="flags in bits 0-4, rounding mode in bits 5-7"),
    i64("instructions", guard="running CPU", unit="retired instructions"),
    line("identity"),
    i64("where", guard="runqueue", doc="truth: state in bits 0-7, queue in bits 8-15"),
    i64("generation", guard="threads_lock", doc="a handle of another generation is stale"),
    i64("task", doc="index, fixed while the thread exists"),
    i64("next", guard="runqueue", doc="run queue link; free list link (threads_lock)"),
    i64("previous", guard="runqueue"),
    i64("sibling_next", guard="task lock"),
    i64("sibling_previous", guard="task lock"),
    i64("affinity", guard="runqueue", doc="mask of CPUs that may run it"),
    i64("last_cpu", guard="running CPU", doc="where it ran last, -1 nowhere yet"),
    i64s("policy", POLICY_WORDS, guard="runqueue", doc="the policy's own words"),
    line("sleep"),
    i64("sleep", guard="atomic", doc="0 awake, sequence << 8 | reason, or SLEEP_CLAIMED/SERVED (kernel/wait.py)"),
    i64("sleep_sequence", guard="running CPU"),
    i64("deadline_ns", guard="running CPU", unit="ns of the monotonic clock; 0 none"),
    i64("sleep_remainder", doc="guest address of nanosleep's second argument, or 0"),
    i64("bucket", guard="bucket lock", doc="futex bucket while queued, -1 otherwise"),
    i64("futex_space", guard="bucket lock", doc="key: task handle, or -1 for shared memory"),
    i64("futex_address", guard="bucket lock", doc="key: guest virtual or physical address"),
    i64("futex_bits", guard="bucket lock"),
    i64("wait_next", guard="bucket lock"),
    i64("wait_previous", guard="bucket lock"),
    line("linux"),
    i64("clear_child_tid", guard="this thread", doc="guest address cleared and woken at exit"),
    i64("robust_list", guard="this thread"),
    i64("signals", guard="atomic", doc="pending, bit n-1 for signal n"),
    i64("fault_signal", guard="this thread", doc="signal a trap raised, to deliver first; 0 none"),
    i64("signal_mask", guard="this thread", doc="blocked"),
    i64("alt_stack", guard="this thread"),
    i64("alt_stack_bytes", guard="this thread"),
    i64("request", guard="this thread", doc="what the server is asked: REQUEST_*"),
    i64("cause", guard="this thread", doc="trap cause handed to the server"),
    i64("trap_value", guard="this thread"),
    i64("restart_a0", guard="this thread", doc="a0 before the system call, for restarts"),
    i64("restart", guard="claimer", doc="1: interrupted, begins anew unless a handler says EINTR"),
    i64("migrations", guard="runqueue"),
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
    line("memory"),
    i64("mm_lock", doc="guards the page tables and what follows"),
    i64("root", guard="mm_lock", doc="frame of the root page table"),
    i64("brk_start", guard="mm_lock"),
    i64("brk", guard="mm_lock"),
    i64("map_cursor", guard="mm_lock", doc="mappings are placed below this"),
    i64("resident", guard="atomic", unit="frames"),
    line("cpus"),
    i64("cpus", guard="atomic", doc="mask of CPUs whose TLB may hold entries of this task"),
    line("signals"),
    i64("signals", guard="atomic", doc="pending for the whole task"),
    i64("handled", guard="atomic", doc="mask of signals with a handler"),
    i64("ignored", guard="atomic", doc="mask of signals ignored"),
    i64("trampoline", doc="guest address of the signal-return code"),
    i64s("handler", NUM_SIGNALS, guard="server"),
    i64s("handler_flags", NUM_SIGNALS, guard="server"),
    i64s("handler_mask", NUM_SIGNALS, guard="server"),
)

RUNQUEUE = record(
    "RUNQUEUE",
    i64("lock"),
    i64("head", guard="lock"),
    i64("tail", guard="lock"),
    i64("nr_runnable", guard="lock"),
    i64("nr_threads", guard="lock", doc="threads registered with this scheduler (rust-1)"),
    i64("life", guard="lock", doc="LIFE_*: created, running, draining, exited"),
    i64s("policy", POLICY_WORDS, guard="lock", doc="the policy's own words"),
)

CPU = record(
    "CPU",
    line("interrupts"),
    i64("pending", guard="atomic", doc="interrupt word: IPI_* bits"),
    line("parked"),
    i64("parked", guard="atomic", doc="0 awake, 1 parked, 2 parked and a message is on its way"),
    line("shoot-down"),
    i64("tlb_request", guard="atomic", doc="number of the last shoot-down asked for"),
    i64("tlb_done", guard="this CPU", doc="number of the last one carried out"),
    i64("tlb_active", guard="this CPU", doc="1 while this CPU may use its TLB"),
    i64("calls", guard="atomic", doc="CALL payloads sent to this CPU so far"),
    line("own"),
    i64("process", guard="this CPU", doc="host process id; 0 before it started"),
    i64("current", guard="this CPU", doc="index of the running thread, -1 when idle"),
    i64("tlb_task", guard="this CPU", doc="index of the task in the TLB, -1 none"),
    i64("reason", guard="this CPU", doc="why the interpreter returned: EXIT_*"),
    i64("cause", guard="this CPU", doc="trap cause (RISC-V mcause numbers)"),
    i64("trap_value", guard="this CPU", doc="faulting address or instruction"),
    i64("reservation", guard="this CPU", doc="lr: host address, 0 none"),
    i64("reserved_value", guard="this CPU"),
    i64("slice_end_ns", guard="this CPU", unit="ns"),
    i64("wake_at_ns", guard="this CPU", unit="ns", doc="park no longer than this; 0 for ever"),
    i64("kicks", guard="this CPU", doc="mask of actors that are owed a ZeroMQ message"),
    i64("random", guard="this CPU", doc="state of the seeded generator"),
    i64("since_ns", guard="this CPU", unit="ns", doc="start of the present busy or idle stretch"),
    i64s("scratch", 4, guard="this CPU", doc="what is copied to a guest"),
    # Addresses of compiled functions in this process.
    i64("interpret", guard="this CPU"),
    i64("fault", guard="this CPU", doc="TLB miss handler"),
    i64s("hooks", MAX_HOOKS, guard="this CPU", doc="the policy's hooks, HOOK_*"),
    # Figures for the report.
    i64("busy_ns", guard="this CPU", unit="ns"),
    i64("instructions", guard="this CPU"),
    i64("switches", guard="this CPU"),
    i64("steals", guard="this CPU"),
    i64("migrations_in", guard="this CPU"),
    i64("migrations_out", guard="runqueue"),
    i64("ipis_bit", guard="this CPU", doc="IPIs sent that needed no message"),
    i64("ipis_message", guard="this CPU"),
    i64("page_faults", guard="this CPU"),
    i64("syscalls", guard="this CPU"),
    i64("parks", guard="this CPU"),
    i64("spawned", guard="this CPU"),
    i64("exited", guard="this CPU"),
    # Held locks, innermost last (CHECK builds).
    i64("nr_held", guard="this CPU"),
    i64s("held", 8, guard="this CPU"),
    # Timers of threads that fell asleep here: a binary heap, smallest deadline first.
    line("timers"),
    i64("nr_timers", guard="this CPU"),
    i64s("timer_deadline_ns", MAX_TIMERS, guard="this CPU", unit="ns"),
    i64s("timer_thread", MAX_TIMERS, guard="this CPU"),
    i64s("timer_sleep", MAX_TIMERS, guard="this CPU", doc="the sleep word it belongs to"),
    # Pairs {tag, addend}; tag is the page address, -1 when empty; addend is added to a
    # guest address to give the host address (fetch: the address of the decoded page).
    line("tlb"),
    i64s("read_tlb", 2 * TLB_ENTRIES, guard="this CPU"),
    i64s("write_tlb", 2 * TLB_ENTRIES, guard="this CPU"),
    i64s("fetch_tlb", 2 * TLB_ENTRIES, guard="this CPU"),
)

BUCKET = record(
    "BUCKET",
    i64("lock"),
    i64("head", guard="lock"),
    i64("tail", guard="lock"),
)

FRAME = record(
    "FRAME",
    i64("word", guard="atomic", doc="truth: FRAME_* flags in bits 0-7, references from bit 8"),
    i64("link", guard="frames_lock", doc="free list; entries in use, for a page table (mm_lock)"),
    align=16,
)

JOB = record(
    "JOB",
    i64("task", doc="handle"),
    i64("done", guard="atomic", doc="1 once status is final"),
    i64("status", doc="as from wait(): signal in bits 0-6, exit status in bits 8-15"),
)

MACHINE = record(
    "MACHINE",
    # Fixed before the first CPU starts.
    i64("nr_cpus"),
    i64("nr_frames"),
    i64("seed"),
    i64("boot_ns", unit="ns of the monotonic clock"),
    i64("slice_ns", unit="ns"),
    i64("poll_ns", unit="ns", doc="an idle CPU polls this long before it parks"),
    line("life"),
    i64("active", guard="atomic", doc="mask of schedulers that have not exited (rust-3)"),
    i64("idle", guard="atomic", doc="mask of CPUs that look for work (a hint)"),
    i64("draining", guard="atomic", doc="1: schedulers exit once they have no thread left"),
    i64("closing", guard="atomic", doc="1: drain as soon as no task is left"),
    i64("failed", guard="atomic", doc="first failed check or failure code, 0 none"),
    i64("failed_value", guard="atomic"),
    line("threads"),
    i64("threads_lock"),
    i64("free_thread", guard="threads_lock"),
    i64("fresh_thread", guard="threads_lock", doc="records from here on were never used"),
    line("tasks"),
    i64("tasks_lock"),
    i64("free_task", guard="tasks_lock"),
    i64("fresh_task", guard="tasks_lock"),
    i64("nr_tasks", guard="tasks_lock", doc="tasks that have not been reaped"),
    i64("nr_jobs", guard="tasks_lock"),
    line("frames"),
    i64("frames_lock"),
    i64("free_frame", guard="frames_lock"),
    i64("fresh_frame", guard="frames_lock"),
    i64("nr_free_frames", guard="frames_lock"),
    line("server"),
    i64("server_head", guard="atomic", doc="next position to fill"),
    i64("server_tail", guard="server", doc="next position to empty"),
    line("arrays"),
    many("jobs", JOB, MAX_TASKS),
    many("queues", RUNQUEUE, MAX_QUEUES),
    many("buckets", BUCKET, FUTEX_BUCKETS),
    i64s("server_ring", SERVER_RING, guard="atomic", doc="thread or ~task, +1; 0 not yet written"),
    many("tasks", TASK, MAX_TASKS),
    many("threads", THREAD, MAX_THREADS),
    many("cpus", CPU, MAX_ACTORS),
    many("frames", FRAME, MAX_FRAMES),
)

machine_at = record_at(MACHINE.numba)


@hot
def frame_address(m, frame):
    """Host address of a guest frame."""
    return address_of(m) + RAM_OFFSET + (frame << PAGE_SHIFT)


@hot
def decoded_address(m, frame):
    """Host address of the decoded instructions of a frame."""
    return address_of(m) + DECODED_OFFSET + frame * DECODED_PAGE_BYTES


assert MACHINE.size <= RAM_OFFSET
assert MAX_CPUS < MAX_ACTORS
