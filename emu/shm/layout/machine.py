"""The shared machine: every record, field by field, with guard and unit.

`MACHINE` describes the first part of the window that all processes of a machine
map at the same address; guest memory (RAM) and decoded instructions follow at
fixed offsets, so an address in this window means the same everywhere, and hot
code gets the whole machine from one integer: `m = machine_at(address)`.

Guards: "runqueue" is the lock of the queue named by the thread's `where` word;
"atomic" fields change by atomic instructions only; "this CPU" fields belong to
one CPU and others only read them for reports.

Truth words: THREAD.where, TASK.state and FRAME.word say what is so.  Lists and links only help to find
records, and could be rebuilt from these words.
"""

from ...hot import hot
from ...limits import (
    DECODED_OFFSET,
    DECODED_PAGE_BYTES,
    FUTEX_BUCKETS,
    HEAT_ENTRIES,
    MAX_ACTORS,
    MAX_AREAS,
    MAX_CHANNELS,
    MAX_CONTAINERS,
    MAX_CPUS,
    MAX_DESCRIPTIONS,
    MAX_EPOLL_SETS,
    MAX_EVENT_COUNTERS,
    MAX_FILE_TABLES,
    MAX_FRAMES,
    MAX_GROUPS,
    MAX_JOBS,
    MAX_OBJECTS,
    MAX_PARAMETERS,
    MAX_PIPES,
    MAX_POOLS,
    MAX_PORTS,
    MAX_QUEUES,
    MAX_REGIONS,
    MAX_SIGINFOS,
    MAX_TASKS,
    MAX_THREADS,
    MAX_TIMEOUTS,
    MAX_TIMERS,
    MAX_UPCALLS,
    MAX_VECTORS,
    MAX_WATCHES,
    OBJECT_CLASSES,
    OBJECT_LOCKS,
    PAGE_SHIFT,
    PAGE_SIZE,
    PID_BUCKETS,
    RAM_OFFSET,
    SAVE_AREA_CLASSES,
    SAVE_ARENA_WORDS,
    SERVER_RING,
    STATIC_KERNEL_PAGES,
)
from ..memory import address_of, record_at
from ..tags import TAG_NAMES
from .code import HEAT, REGION
from .containers import CONTAINER, POOL
from .cpu import CPU
from .declare import i64, i64s, line, many, mask, record
from .events import EPOLL_SET, EVENT_COUNTER, WATCH
from .files import DESCRIPTION, FILE_TABLE, PIPE
from .memory import AREA, FRAME, KERNEL_PAGE, OBJECT, SLAB
from .messages import CHANNEL, MAILBOX, PORT
from .profile import PROFILE
from .queues import BUCKET, DEQUE, RUNQUEUE, WAIT_QUEUE
from .signals import SIGINFO
from .task import JOB, TASK
from .thread import THREAD
from .timeouts import TIMEOUT, TIMEOUT_RING
from .timers import TIMER
from .upcalls import GROUP, UPCALL
from .vectors import VECTOR

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
    i64("pinned", doc="1: CPU k's process runs on host core k % host_cores (actor/prepare.py)"),
    i64("nr_blocking", doc="CPUs of the blocking pool, 0: there is one pool only"),
    mask("blocking_pool", doc="the blocking pool: kernel/thread/affinity.py (inko-6)"),
    i64("queue_kind", doc="QUEUES_* of kernel/sched/runqueue.py"),
    i64s("parameters", MAX_PARAMETERS, doc="the policy's, in the order that it declares them"),
    i64("tracing", guard="supervisor", doc="1: events are recorded"),
    i64("profiling", doc="1: CPUs take samples (cpu_worker/profiling.py)"),
    i64("max_threads_per_task", guard="atomic", doc="may change while guests run (kse-5)"),
    i64("max_threads_per_proc", guard="atomic", doc="of a task that has groups; likewise"),
    i64("max_groups_per_proc", guard="atomic", doc="likewise"),
    line("life"),
    i64("nr_active", guard="atomic", doc="schedulers that have not exited; who counts it down to 0 tells (rust-3)"),
    mask("active", guard="atomic", doc="which ones; may lag behind the count"),
    mask("online", guard="atomic", doc="CPUs that take new threads"),
    mask("exclusive", guard="atomic", doc="CPUs that run pinned threads only (inko-5)"),
    line("idle"),
    mask("idle", guard="atomic", doc="CPUs that look for work; who takes a bit owes a look: announcing.py"),
    line("ending"),
    i64("draining", guard="atomic", doc="1: schedulers exit once they have no thread left"),
    i64("closing", guard="atomic", doc="1: drain as soon as no task is left"),
    i64("failed", guard="atomic", doc="first failed check or failure code, 0 none"),
    i64("failed_value", guard="atomic"),
    line("time"),
    i64("made_ns", unit="ns of the monotonic clock", doc="when the machine was made; fixed"),
    i64("uptime", guard="atomic, many writers", doc="UPTIME of kernel/ticks.py: ticks to days since then"),
    line("limits"),
    i64("thread_limit_hits", guard="atomic", doc="threads refused because of max_threads_per_task"),
    i64("proc_limit_hits", guard="atomic", doc="upcalls that were late because of max_threads_per_proc"),
    i64("group_limit_hits", guard="atomic", doc="groups refused because of max_groups_per_proc"),
    line("shoot-downs"),
    i64("shooting", guard="atomic", doc="actors that wait in a TLB shoot-down"),
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
    line("families"),
    i64("families_lock", doc="guards who is whose child, groups, sessions, the index of pids"),
    i64s("pids", PID_BUCKETS, guard="families_lock", doc="index + 1 of the first task of a bucket"),
    line("timers"),
    i64("timers_lock", doc="guards TIMER records"),
    line("containers"),
    i64("containers_lock", doc="guards which containers, capabilities and pools there are"),
    i64("free_container", guard="containers_lock", doc="index + 1, 0 none"),
    i64("fresh_container", guard="containers_lock", doc="records from here on were never used"),
    i64("free_pool", guard="containers_lock", doc="index + 1, 0 none"),
    i64("fresh_pool", guard="containers_lock", doc="records from here on were never used"),
    line("save areas"),  # kernel/thread/save_area.py
    i64("save_areas_lock"),
    i64("fresh_save_word", guard="save_areas_lock", doc="words of the arena from here on were never used"),
    i64s("free_save_areas", SAVE_AREA_CLASSES, guard="save_areas_lock", doc="of each size: place in the arena + 1"),
    line("groups"),
    i64("groups_lock", doc="guards which groups and upcalls there are, and which each task and group has"),
    i64("free_group", guard="groups_lock", doc="index + 1, 0 none"),
    i64("fresh_group", guard="groups_lock", doc="records from here on were never used"),
    i64("free_upcall", guard="groups_lock", doc="index + 1, 0 none"),
    i64("fresh_upcall", guard="groups_lock", doc="records from here on were never used"),
    line("vectors"),
    i64("vectors_lock"),
    i64("free_vector", guard="vectors_lock", doc="index + 1, 0 none"),
    i64("fresh_vector", guard="vectors_lock", doc="records from here on were never used"),
    line("priorities"),
    i64("priority_lock", doc="guards who waits for whom (kernel/sleep/inheritance.py)"),
    line("siginfos"),
    i64("siginfos_lock"),
    i64("free_siginfo", guard="siginfos_lock", doc="index + 1, 0 none"),
    i64("fresh_siginfo", guard="siginfos_lock", doc="records from here on were never used"),
    i64("signal_files", guard="server", doc="how many signalfd files are open"),
    i64("signal_news", guard="atomic", doc="signals posted while there were such files"),
    i64("signal_news_seen", guard="server", doc="those that the server has published (server/vfs/watched.py)"),
    line("file tables"),
    i64("file_tables_lock"),
    i64("free_file_table", guard="file_tables_lock", doc="index + 1, 0 none"),
    i64("fresh_file_table", guard="file_tables_lock", doc="records from here on were never used"),
    line("descriptions"),
    i64("descriptions_lock"),
    i64("free_description", guard="descriptions_lock", doc="index + 1, 0 none"),
    i64("fresh_description", guard="descriptions_lock", doc="records from here on were never used"),
    i64("first_orphan", guard="descriptions_lock", doc="SERVED ones that nobody refers to any more: index + 1"),
    i64("last_orphan", guard="descriptions_lock"),
    i64("sockets_dropped", guard="atomic", doc="1: a reference of a socket in a message was dropped; the server looks"),
    line("pipes"),
    i64("pipes_lock"),
    i64("free_pipe", guard="pipes_lock", doc="index + 1, 0 none"),
    i64("fresh_pipe", guard="pipes_lock", doc="records from here on were never used"),
    i64("nr_pipes_made", guard="pipes_lock", doc="the last inode number of a pipe"),
    line("event counters"),
    i64("event_counters_lock"),
    i64("free_event_counter", guard="event_counters_lock", doc="index + 1, 0 none"),
    i64("fresh_event_counter", guard="event_counters_lock", doc="records from here on were never used"),
    line("watches"),
    i64("watches_lock", doc="guards which watches and sets there are"),
    i64("free_watch", guard="watches_lock", doc="index + 1, 0 none"),
    i64("fresh_watch", guard="watches_lock", doc="records from here on were never used"),
    i64("free_epoll_set", guard="watches_lock", doc="index + 1, 0 none"),
    i64("fresh_epoll_set", guard="watches_lock", doc="records from here on were never used"),
    i64("nests_lock", doc="guards which epoll sets are in others"),
    i64("nest_walks", guard="nests_lock", doc="walks over nested sets so far"),
    line("ports"),
    i64("ports_lock", doc="guards free ports and channels, and which each task has"),
    i64("free_port", guard="ports_lock", doc="index + 1, 0 none"),
    i64("fresh_port", guard="ports_lock", doc="records from here on were never used"),
    i64("free_channel", guard="ports_lock", doc="index + 1, 0 none"),
    i64("fresh_channel", guard="ports_lock", doc="records from here on were never used"),
    line("frames"),
    i64("frames_lock"),
    i64("free_frame", guard="frames_lock"),
    i64("fresh_frame", guard="frames_lock"),
    i64("nr_free_frames", guard="frames_lock"),
    line("kernel memory"),
    i64("kmem_lock", doc="guards kernel pages, slabs, TASK.granted"),
    i64("free_static_page", guard="kmem_lock", doc="the pool: number + 1, 0 none"),
    i64("fresh_static_page", guard="kmem_lock", doc="static pages from here on were never used"),
    i64("free_granted_page", guard="kmem_lock", doc="the pool: number + 1, 0 none"),
    i64("kernel_pages_owed", guard="kmem_lock", doc="in use, granted by tasks that have ended"),
    i64s("memcaches", len(TAG_NAMES) * OBJECT_CLASSES, guard="kmem_lock", doc="first slab with room: address, 0 none"),
    line("areas"),
    i64("areas_lock"),
    i64("free_area", guard="areas_lock", doc="index + 1, 0 none"),
    i64("fresh_area", guard="areas_lock", doc="records from here on were never used"),
    line("memory objects"),
    i64("objects_lock"),
    i64("free_object", guard="objects_lock", doc="index + 1, 0 none"),
    i64("fresh_object", guard="objects_lock", doc="records from here on were never used"),
    i64s("object_locks", OBJECT_LOCKS, doc="each guards the objects of some families (kernel/vm/objects.py)"),
    line("server"),
    i64("server_head", guard="atomic", doc="next position to fill"),
    i64("server_tail", guard="server", doc="next position to empty"),
    line("timekeeper"),
    i64("sleeps_until_ns", guard="atomic", unit="ns", doc="what the timekeeper sleeps for; 0 it is awake"),
    line("stale"),
    i64("stale_timeouts", guard="atomic", doc="time-outs, in the heap or on their way there, whose sleep has ended"),
    line("heap"),
    i64("nr_timeouts", guard="timekeeper", doc="entries of the heap, valid and invalid"),
    i64("next_ring", guard="timekeeper", doc="the ring to read first"),
    i64("roused_ns", guard="timekeeper", unit="ns", doc="the last deadline for which a parked CPU was roused"),
    i64("timeout_messages", guard="timekeeper", doc="figure: messages taken"),
    i64("timeouts_expired", guard="timekeeper", doc="figure: sleeps that ended by time-out"),
    i64("compactions", guard="timekeeper", doc="figure"),
    line("translated code"),
    i64("translating", doc="TRANSLATE_* of shm/regions.py; fixed"),
    i64("code_epoch", guard="atomic", doc="grows when a frame that was stored to becomes code (cpu_worker/mmu.py)"),
    i64("marking", guard="atomic", doc="CPUs that make a frame code, and may not have shot its writers down yet"),
    i64("forgetting", guard="atomic", doc="who looks for regions that have to die"),
    i64("nr_regions", guard="translator", doc="REGION records from here on were never used"),
    i64("guest_instructions", guard="translator", doc="figure: of these regions, one that is in several in each"),
    i64("translating_ns", guard="translator", unit="ns", doc="figure: host CPU time that this took"),
    i64("arenas", guard="translator", doc="figure: how often the arena was full"),
    i64("careful", guard="atomic", doc="1: a CPU has found no room for windows: translated code uses the TLB"),
    i64("arena_used", guard="translator", unit="bytes"),
    i64("regions_compiled", guard="translator", doc="figure: regions so far that LLVM made"),
    i64("regions_loaded", guard="translator", doc="figure: those that came from the store (isa/translator/store.py)"),
    line("arrays"),
    many("jobs", JOB, MAX_JOBS),
    many("queues", RUNQUEUE, MAX_QUEUES),
    many("deques", DEQUE, MAX_QUEUES, doc="of the CPUs' local queues; the global one's is never used"),
    many("buckets", BUCKET, FUTEX_BUCKETS),
    many("vectors", VECTOR, MAX_VECTORS),
    i64s("server_ring", SERVER_RING, guard="atomic", doc="thread or ~task, +1; 0 not yet written"),
    many("tasks", TASK, MAX_TASKS),
    many("timers", TIMER, MAX_TIMERS),
    many("containers", CONTAINER, MAX_CONTAINERS),
    many("pools", POOL, MAX_POOLS),
    many("threads", THREAD, MAX_THREADS),
    many("groups", GROUP, MAX_GROUPS),
    many("upcalls", UPCALL, MAX_UPCALLS),
    many("mailboxes", MAILBOX, MAX_THREADS, doc="each that of the thread with its index"),
    many("ports", PORT, MAX_PORTS),
    many("channels", CHANNEL, MAX_CHANNELS),
    many("siginfos", SIGINFO, MAX_SIGINFOS),
    many("file_tables", FILE_TABLE, MAX_FILE_TABLES),
    many("descriptions", DESCRIPTION, MAX_DESCRIPTIONS),
    many("pipes", PIPE, MAX_PIPES),
    many("event_counters", EVENT_COUNTER, MAX_EVENT_COUNTERS),
    many("epoll_sets", EPOLL_SET, MAX_EPOLL_SETS),
    many("watches", WATCH, MAX_WATCHES),
    many("cpus", CPU, MAX_ACTORS),
    many("frames", FRAME, MAX_FRAMES),
    many("kernel_pages", KERNEL_PAGE, STATIC_KERNEL_PAGES + MAX_FRAMES),
    line("static kernel pages"),
    i64s("static_kernel_pages", STATIC_KERNEL_PAGES * PAGE_SIZE // 8, guard="kmem_lock"),
    i64s("save_arena", SAVE_ARENA_WORDS, guard="the thread that has the area, else save_areas_lock"),
    many("heat", HEAT, HEAT_ENTRIES),
    many("regions", REGION, MAX_REGIONS),
    many("areas", AREA, MAX_AREAS),
    many("objects", OBJECT, MAX_OBJECTS),
    many("timeout_rings", TIMEOUT_RING, MAX_ACTORS),
    many("timeouts", TIMEOUT, MAX_TIMEOUTS),
    many("profiles", PROFILE, MAX_CPUS, doc="each written by its CPU"),
)

machine_at = record_at(MACHINE)
slab_at = record_at(SLAB)
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
