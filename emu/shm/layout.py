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
    CHANNEL_MESSAGES,
    DECODED_OFFSET,
    DECODED_PAGE_BYTES,
    EVENT_RING,
    FUTEX_BUCKETS,
    GATHERED_FRAMES,
    MAX_ACTORS,
    MAX_CPUS,
    MAX_FRAMES,
    MAX_HOOKS,
    MAX_JOBS,
    MAX_PARAMETERS,
    MAX_QUEUES,
    MAX_SIGINFOS,
    MAX_TASKS,
    MAX_THREADS,
    MAX_TIMEOUTS,
    NAME_BYTES,
    NUM_SIGNALS,
    PAGE_SHIFT,
    POLICY_WORDS,
    QUEUE_POLICY_WORDS,
    RAM_OFFSET,
    SERVER_RING,
    TASK_POLICY_WORDS,
    TLB_ENTRIES,
    WAIT_QUEUES,
)
from .memory import address_of, record_at
from .records import i64, i64s, line, many, record, u8s
from .signal_fields import SIGINFO, TASK_SIGNALS, THREAD_SIGNALS
from .tags import TAG_NAMES

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
    i64("references", guard="atomic", doc="generation << 32 | references (kernel/thread/reaping.py)"),
    i64("task", doc="index, fixed while the thread lives"),
    i64("next", guard="runqueue", doc="run queue link; dead list link (dropper); free list link (threads_lock)"),
    i64("previous", guard="runqueue"),
    i64("sibling_next", guard="task lock"),
    i64("sibling_previous", guard="task lock"),
    i64("is_listed", guard="task lock", doc="1: in its task's list; from then until it leaves it may be signalled"),
    i64("affinity", guard="runqueue", doc="mask of CPUs that may run it; atomic in lock-free queues"),
    i64("exclusive", guard="server", doc="CPU + 1 that this thread has to itself, 0 none (inko-5)"),
    i64("last_cpu", guard="running CPU", doc="where it ran last, -1 nowhere yet"),
    i64("nice", guard="atomic", doc="-20 (most important) to 19"),
    i64("realtime", guard="atomic", doc="0, or the real-time priority 1 to 99"),
    i64("slack_ns", guard="this thread", unit="ns", doc="of its imprecise deadlines; 0: the machine's"),
    i64("linux_policy", guard="server", doc="the SCHED_* that it asked for; which policy runs is not its choice"),
    i64("credentials", guard="server", doc="who it is: an index of server/calls/credentials.py; 0 root"),
    i64s("policy", POLICY_WORDS, guard="runqueue", doc="the policy's own words"),
    i64("creator", doc="handle of the thread that made it, -1 none; fixed"),
    i64("spare", guard="atomic", doc="a NEW record for its next child, SPARE_NONE or SPARE_CLOSED (kse-8)"),
    line("accounts"),
    i64("runtime_ns", guard="runqueue", unit="ns", doc="spent on CPUs, up to date at each hook about this thread"),
    i64("queued_ns", guard="runqueue", unit="ns", doc="when it last became runnable or fell asleep"),
    i64("marked_ns", guard="owner", unit="ns", doc="what its owners did last, where queues take no lock"),
    i64("run_delay_ns", guard="runqueue", unit="ns", doc="spent runnable, waiting"),
    i64("slices", guard="runqueue", doc="times it was picked"),
    i64("involuntary", guard="runqueue", doc="times it was preempted"),
    i64("migrations", guard="runqueue"),
    line("sleep"),
    i64("sleep", guard="atomic", doc="0 awake, sequence << 8 | SLEEP_*, claimed or served (thread/sleep_word.py)"),
    i64("sleep_sequence", guard="running CPU"),
    i64("sleep_reason", guard="running CPU", doc="SLEEP_* of the last sleep (cz-6)"),
    i64("deadline_ns", guard="running CPU", unit="ns of the monotonic clock; 0 none"),
    i64("resume_deadline_ns", guard="claimer", unit="ns", doc="of an interrupted sleep with a time-out; 0 none"),
    i64("suspend", guard="atomic", doc="0, 1 asked, 2 suspended (kernel/task/suspend.py)"),
    i64("suspender", guard="atomic", doc="who waits for the suspension (kernel/task/suspend.py); 0 nobody"),
    i64("sleep_remainder", doc="guest address of nanosleep's second argument, or 0"),
    i64("bucket", guard="bucket lock", doc="futex bucket while queued, -1 otherwise"),
    i64("futex_space", guard="bucket lock", doc="key: task handle, or -1 for shared memory"),
    i64("futex_address", guard="bucket lock", doc="key: guest virtual or physical address"),
    i64("futex_bits", guard="bucket lock"),
    i64("wait_next", guard="bucket lock", doc="of the bucket or wait queue, whichever it sleeps in"),
    i64("wait_previous", guard="bucket lock"),
    i64("wait_queue", guard="its lock", doc="host address of the wait queue it sleeps in, 0 none (cz-6)"),
    i64("mutexes", guard="this thread, or who hands one over to it", doc="mask of its task's mutexes that it holds"),
    line("linux"),
    i64("clear_child_tid", guard="this thread", doc="guest address cleared and woken at exit"),
    i64("robust_list", guard="this thread"),
    u8s("name", NAME_BYTES, guard="server", doc="ends with a NUL; at first its creator's"),
    *THREAD_SIGNALS,
    i64("request", guard="this thread", doc="what the server is asked: REQUEST_*"),
    i64("cause", guard="this thread", doc="trap cause handed to the server"),
    i64("trap_value", guard="this thread"),
    i64("restart_a0", guard="this thread", doc="a0 before the system call, for restarts"),
    i64("restart", guard="claimer", doc="RESTART_*: how an interrupted call goes on (kernel/thread/states.py)"),
    i64("sleep_restart", guard="server", doc="RESTART_* of the served call that sleeps"),
    i64("sleep_done", guard="server", unit="bytes", doc="its result when it is interrupted; 0: sleep_restart counts"),
)

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
    i64("cpus", guard="atomic", doc="mask of CPUs whose TLB may hold entries of this task"),
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

RUNQUEUE = record(
    "RUNQUEUE",
    i64("lock"),
    i64("head", guard="lock", doc="its list (kernel/sched/lists.py): first thread + 1"),
    i64("tail", guard="lock", doc="last thread + 1"),
    i64("nr_runnable", guard="lock", doc="threads in the policy's order; of a lock-free queue: in its list"),
    i64("nr_threads", guard="lock", doc="threads registered with this scheduler (rust-1); atomic in lock-free queues"),
    i64("life", guard="lock", doc="LIFE_*: created, running, draining, exited"),
    i64("nr_dead", guard="its CPU", doc="threads that died here and are held by others (kernel/thread/reaping.py)"),
    i64("dead", guard="atomic", doc="the dead list: last thread put there + 1"),
    i64("now_ns", guard="lock", unit="ns", doc="for hooks: when the core took the lock"),
    i64s("policy", QUEUE_POLICY_WORDS, guard="lock", doc="the policy's own words"),
)

DEQUE = record(
    "DEQUE",
    i64("tail", guard="its CPU", doc="threads put in so far"),
    i64("list_left", guard="its CPU", doc="threads of the queue's list whose turn it is (kernel/sched/local_queue.py)"),
    i64("list_at", guard="its CPU", doc="the list has its turn again when `head` is here"),
    i64("misplaced", guard="atomic", doc="1: a thread that waits here may no longer run here"),
    line("takers"),
    i64("head", guard="atomic", doc="threads taken so far"),
    line("slots"),
    i64s("slots", MAX_THREADS, guard="its CPU", doc="threads, by position"),
)

EVENT = record(
    "EVENT",
    i64("time_ns", guard="this CPU", unit="ns", doc="shm/clock.py"),
    i64("word", guard="this CPU", doc="kind in bits 0-7, thread in 8-31 (24 ones: none), generation above"),
    i64("a", guard="this CPU"),
    i64("b", guard="this CPU"),
    align=32,
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
    line("own"),
    i64("process", guard="this CPU", doc="host process id; 0 before it started"),
    i64("current", guard="this CPU", doc="index of the running thread, -1 when idle"),
    i64("accounted_ns", guard="this CPU", unit="ns", doc="the running thread's time is booked up to here"),
    i64("started_ns", guard="this CPU", unit="ns", doc="when the running thread was picked"),
    i64("marked_ns", guard="this CPU", unit="ns", doc="what it did last, where queues take no lock"),
    i64("resched", guard="runqueue", doc="1: the running thread shall give way"),
    i64("tick_at", guard="this CPU", unit="instructions", doc="the next tick, on this CPU's count"),
    i64("balance_at_ns", guard="this CPU", unit="ns", doc="the next periodic balancing"),
    i64("tlb_task", guard="this CPU", doc="index of the task in the TLB, -1 none"),
    i64("reason", guard="this CPU", doc="why the interpreter returned: EXIT_*"),
    i64("cause", guard="this CPU", doc="trap cause (RISC-V mcause numbers)"),
    i64("trap_value", guard="this CPU", doc="faulting address or instruction"),
    i64("reservation", guard="this CPU", doc="lr: host address, 0 none"),
    i64("reserved_value", guard="this CPU"),
    i64("slice_end_ns", guard="this CPU", unit="ns", doc="shm/clock.py; 0 until the first tick after a switch"),
    i64("slice_ns", guard="this CPU", unit="ns", doc="the present slice"),
    i64("slice_start_ns", guard="this CPU", unit="ns", doc="when it began"),
    i64("stall_from_ns", guard="this CPU", unit="ns of the monotonic clock", doc="last look for a stall; 0 none"),
    i64("stall_cpu_ns", guard="this CPU", unit="ns", doc="what the host had spent on this CPU then"),
    i64("looked", guard="this CPU", doc="1: tried other queues in this idle stretch"),
    i64("barred_from", guard="this CPU", doc="mask: who may run what its last search of a queue passed over"),
    i64("kicks", guard="this CPU", doc="mask of actors that are owed a ZeroMQ message"),
    i64("random", guard="this CPU", doc="state of the seeded generator"),
    i64("since_ns", guard="this CPU", unit="ns", doc="start of the present busy or idle stretch"),
    i64s("scratch", 4, guard="this CPU", doc="what is copied to a guest"),
    i64s("siginfo", 7, guard="this CPU", doc="the signal that is posted next, or was taken last"),
    # Addresses of compiled functions in this process.
    i64("interpret", guard="this CPU"),
    i64("fault", guard="this CPU", doc="TLB miss handler"),
    i64("linux_call", guard="this CPU", doc="system calls of the Linux personality"),
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
    i64("involuntary", guard="this CPU", doc="switches by preemption"),
    i64("run_delay_ns", guard="this CPU", unit="ns", doc="that threads waited before they ran here"),
    # What is allocated, by tag: this actor's share of the sum (shm/tags.py).
    i64s("tag_count", len(TAG_NAMES), guard="this CPU"),
    i64s("tag_bytes", len(TAG_NAMES), guard="this CPU", unit="bytes"),
    # Held locks, innermost last, and references to threads (CHECK builds).
    i64("nr_references", guard="this CPU"),
    i64("nr_held", guard="this CPU"),
    i64s("held", 8, guard="this CPU"),
    # Events (shm/events.py).
    line("events"),
    i64("events_head", guard="this CPU", doc="events recorded, released after the slot"),
    i64("events_lost", guard="this CPU", doc="dropped because the ring was full"),
    i64("events_limit", guard="this CPU", doc="there is room up to this position, whatever the reader does"),
    i64("losing", guard="this CPU", doc="dropped since the last event that was recorded"),
    i64("losing_from_ns", guard="this CPU", unit="ns"),
    i64("losing_to_ns", guard="this CPU", unit="ns"),
    line("events read"),
    i64("events_tail", guard="supervisor", doc="events read, released after the copy"),
    line("event ring"),
    many("events", EVENT, EVENT_RING),
    # Pairs {tag, addend}; tag is the page address, -1 when empty; addend is added to a
    # guest address to give the host address (fetch: the address of the decoded page).
    line("tlb"),
    i64s("read_tlb", 2 * TLB_ENTRIES, guard="this CPU"),
    i64s("write_tlb", 2 * TLB_ENTRIES, guard="this CPU"),
    i64s("fetch_tlb", 2 * TLB_ENTRIES, guard="this CPU"),
    line("gathered frames"),
    i64("nr_gathered", guard="this CPU"),
    i64s("gathered", GATHERED_FRAMES, guard="this CPU", doc="they wait for a shoot-down (kernel/vm/gathering.py)"),
)

BUCKET = record(
    "BUCKET",
    i64("lock"),
    i64("head", guard="lock"),
    i64("tail", guard="lock"),
)

FRAME = record(
    "FRAME",
    i64("word", guard="atomic", doc="truth: FRAME_* flags in bits 0-3, tag in 4-7, references from bit 8"),
    i64("link", guard="frames_lock", doc="free list; entries in use, for a page table (mm_lock)"),
    align=16,
)

TIMEOUT = record(
    "TIMEOUT",
    i64("deadline_ns", guard="timekeeper", unit="ns of the monotonic clock"),
    i64("address", guard="timekeeper", doc="host address of the sleep word"),
    i64("word", guard="timekeeper", doc="the sleep it was made for: valid while the sleep word is this"),
    i64("thread", guard="timekeeper", doc="index, -1: a word on which no thread sleeps"),
    align=32,
)

CHANNEL = record(
    "CHANNEL",
    i64("head", guard="this actor", doc="messages posted so far"),
    i64("seen_tail", guard="this actor", doc="messages taken, when last looked at"),
    line("reader"),
    i64("tail", guard="timekeeper", doc="messages taken so far"),
    line("messages"),
    i64s("messages", 4 * CHANNEL_MESSAGES, guard="this actor", doc="the four words of a TIMEOUT each"),
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

MACHINE = record(
    "MACHINE",
    # Fixed before the first CPU starts.
    i64("nr_cpus"),
    i64("nr_frames"),
    i64("seed"),
    i64("boot_ns", unit="ns of the monotonic clock"),
    i64("slice_ns", unit="ns"),
    i64("poll_ns", unit="ns", doc="an idle CPU polls this long before it parks"),
    i64("slack_ns", unit="ns", doc="imprecise deadlines are rounded up to a multiple; 0 or 1: none are"),
    i64("keeper_spin_ns", unit="ns", doc="the timekeeper is awake this long before a deadline"),
    i64("compact_percent", doc="the time-out heap is compacted when more of it is invalid"),
    i64("clock_base", unit="cycles", doc="the fast clock: shm/clock.py"),
    i64("clock_rate", doc="ns a cycle << 32; 0: use the monotonic clock"),
    i64("clock_start_ns", unit="ns"),
    i64("nr_cores", doc="CPU k is a hardware thread of core k % nr_cores: siblings have the highest numbers (alux-1)"),
    i64("cores_per_package"),
    i64("host_cores", doc="the host's, that its processes may use"),
    i64("one_queue", doc="1: the policy keeps all runnable threads on the global queue"),
    i64("lock_free", doc="1: CPUs use their queues without a lock (kernel/sched/local_queue.py)"),
    i64s("parameters", MAX_PARAMETERS, doc="the policy's, in the order that it declares them"),
    i64("tracing", guard="supervisor", doc="1: events are recorded"),
    i64("max_threads_per_task", guard="atomic", doc="may change while guests run (kse-5)"),
    line("life"),
    i64("active", guard="atomic", doc="mask of schedulers that have not exited (rust-3)"),
    i64("online", guard="atomic", doc="mask of CPUs that take new threads"),
    i64("exclusive", guard="atomic", doc="mask of CPUs that run pinned threads only (inko-5)"),
    i64("idle", guard="atomic", doc="mask of CPUs that look for work; who takes a bit owes a look: announcing.py"),
    i64("draining", guard="atomic", doc="1: schedulers exit once they have no thread left"),
    i64("closing", guard="atomic", doc="1: drain as soon as no task is left"),
    i64("failed", guard="atomic", doc="first failed check or failure code, 0 none"),
    i64("failed_value", guard="atomic"),
    line("limits"),
    i64("thread_limit_hits", guard="atomic", doc="threads refused because of max_threads_per_task"),
    line("threads"),
    i64("threads_lock"),
    i64("free_thread", guard="threads_lock"),
    i64("fresh_thread", guard="threads_lock", doc="records from here on were never used"),
    line("tasks"),
    i64("tasks_lock"),
    i64("free_task", guard="tasks_lock"),
    i64("fresh_task", guard="tasks_lock"),
    i64("nr_tasks", guard="tasks_lock", doc="tasks that have not been reaped"),
    i64("nr_jobs", guard="tasks_lock", doc="jobs so far"),
    i64("free_job", guard="tasks_lock"),
    i64("fresh_job", guard="tasks_lock", doc="records from here on were never used"),
    line("siginfos"),
    i64("siginfos_lock"),
    i64("free_siginfo", guard="siginfos_lock", doc="index + 1, 0 none"),
    i64("fresh_siginfo", guard="siginfos_lock", doc="records from here on were never used"),
    line("frames"),
    i64("frames_lock"),
    i64("free_frame", guard="frames_lock"),
    i64("fresh_frame", guard="frames_lock"),
    i64("nr_free_frames", guard="frames_lock"),
    line("server"),
    i64("server_head", guard="atomic", doc="next position to fill"),
    i64("server_tail", guard="server", doc="next position to empty"),
    line("timekeeper"),
    i64("sleeps_until_ns", guard="atomic", unit="ns", doc="what the timekeeper sleeps for; 0 it is awake"),
    line("stale"),
    i64("stale_timeouts", guard="atomic", doc="time-outs, in the heap or on their way there, whose sleep has ended"),
    line("heap"),
    i64("nr_timeouts", guard="timekeeper", doc="entries of the heap, valid and invalid"),
    i64("next_channel", guard="timekeeper", doc="the channel to read first"),
    i64("roused_ns", guard="timekeeper", unit="ns", doc="the last deadline for which a parked CPU was roused"),
    i64("timeout_messages", guard="timekeeper", doc="figure: messages taken"),
    i64("timeouts_expired", guard="timekeeper", doc="figure: sleeps that ended by time-out"),
    i64("compactions", guard="timekeeper", doc="figure"),
    line("arrays"),
    many("jobs", JOB, MAX_JOBS),
    many("queues", RUNQUEUE, MAX_QUEUES),
    many("deques", DEQUE, MAX_QUEUES, doc="of the CPUs' local queues; the global one's is never used"),
    many("buckets", BUCKET, FUTEX_BUCKETS),
    i64s("server_ring", SERVER_RING, guard="atomic", doc="thread or ~task, +1; 0 not yet written"),
    many("tasks", TASK, MAX_TASKS),
    many("threads", THREAD, MAX_THREADS),
    many("siginfos", SIGINFO, MAX_SIGINFOS),
    many("cpus", CPU, MAX_ACTORS),
    many("frames", FRAME, MAX_FRAMES),
    many("channels", CHANNEL, MAX_ACTORS),
    many("timeouts", TIMEOUT, MAX_TIMEOUTS),
)

machine_at = record_at(MACHINE)
wait_queue_at = record_at(WAIT_QUEUE)


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
