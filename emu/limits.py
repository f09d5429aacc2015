"""Every bound of the machine, in one place, with the relations they must keep.

Sizes are part of the compiled types (shm/layout/), so a change here is a
recompilation, which hot/cache.py's digest takes care of.  Shared memory is
sparse: what is not touched costs nothing, so maxima are generous.
"""

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40

# --- CPUs -----------------------------------------------------------------
MAX_CPUS = 256
CPU_WORDS = MAX_CPUS // 64  # of a mask of CPUs (shm/cpumask.py)
SUPERVISOR = MAX_CPUS  # actors take locks and receive IPIs; these four execute no guest code
SERVER = MAX_CPUS + 1
TIMEKEEPER = MAX_CPUS + 2
TRANSLATOR = MAX_CPUS + 3
MAX_ACTORS = MAX_CPUS + 4
GLOBAL_QUEUE = MAX_CPUS  # run queue that belongs to no CPU
MAX_QUEUES = MAX_CPUS + 1

# --- threads and tasks ------------------------------------------------------
THREAD_BITS = 14
MAX_THREADS = 1 << THREAD_BITS
MAX_TASKS = 4096
MAX_LEFT_THREADS = 1 << 16  # threads that have left, whose accounts are kept
MAX_JOBS = 2 * MAX_TASKS  # those that run, and as many that ended since the supervisor last looked
KERNEL_TASK = MAX_TASKS - 1  # the task of the kernel's own threads (kernel/task/kernel_task.py; alux-10)
GARBAGE_THREAD = MAX_THREADS - 1  # the system server's
TIMEKEEPER_THREAD = MAX_THREADS - 2
KERNEL_THREADS = 2
NUM_SIGNALS = 64
MAX_SIGINFOS_PER_TASK = 1024  # signals that may be queued (RLIMIT_SIGPENDING)
MAX_SIGINFOS = MAX_TASKS * MAX_SIGINFOS_PER_TASK
NAME_BYTES = 16  # of a thread, with its NUL (Linux's TASK_COMM_LEN)
FUTEX_BUCKETS = 512
MAX_VECTORS = 1 << 14  # words for which threads wait that wait for several (kernel/sleep/futex_vector.py)
MAX_HOOKS = 24
POLICY_WORDS = 8  # of a thread
TASK_POLICY_WORDS = 8
USAGE_WORDS = 6  # what a task uses (kernel/task/usage.py)
MAX_TIMERS = 1 << 14  # of all tasks (kernel/task/timers.py)
TIMERS_PER_TASK = 1024
PID_BUCKETS = 1024  # of the index of tasks by process id (kernel/task/family.py)
WAIT_QUEUES = 8  # of a task (kernel/sleep/waitqueue.py), and as many kernel mutexes
QUEUE_POLICY_WORDS = 192  # of a run queue: room for 64 lists
MAX_PARAMETERS = 8  # of a policy
EVENT_RING = 1 << 17  # events an actor may be ahead of the reader: 20 ms of the busiest guests

# --- open files (kernel/files/) ----------------------------------------------
MAX_FILE_TABLES = MAX_TASKS
MAX_DESCRIPTIONS = 1 << 16  # open files of all tasks
MAX_PIPES = 1 << 14
MAX_EVENT_COUNTERS = 1 << 14  # eventfd
MAX_EPOLL_SETS = 1 << 15  # of epoll, and one of each thread that sleeps in poll or select
MAX_WATCHES = 1 << 17  # files in epoll sets (kernel/files/watches.py)
EVENTS_AT_ONCE = 32  # that epoll_wait takes with one lock
SELECT_WORDS = 16  # of each set of descriptors of a select that a CPU executes: 1,024 descriptors
NEST_LEVELS = 5  # epoll sets within epoll sets, of Linux
INLINE_DESCRIPTORS = 64  # of a table, kept in its record
PIPE_SLOTS = 32  # pages of a pipe
PIPE_PAGES = 16  # that one may use at first; a socket all of them: the largest datagram is 64 KiB with its header
DEFAULT_DESCRIPTORS = 1024  # of a task (RLIMIT_NOFILE)

# --- messages (kernel/ipc/) ---------------------------------------------------
UTCB_BYTES = 256  # of a full message
EXTENDED_BYTES = 2048  # the most of an extended one
PAGER_PATIENCE_NS = 10_000_000_000  # that a fault waits for its pager
FILE_SERVER_PATIENCE_NS = 10_000_000_000  # that a call on files waits for its file server
PAGER_TRIES = 16  # how often an access is made again where it faulted
UTCB_FIRST = 1 << 37  # guest address of the UTCB of thread 0; each thread has its page
MAILBOX_SLOTS = 32  # pages of a mailbox
MAILBOX_MESSAGES = 1024  # that may wait in one
MAX_PORTS = 1 << 14
MAX_CHANNELS = 1 << 16
PORTS_PER_TASK = 1024
CHANNELS_PER_TASK = 4096
PORT_SLOTS = 64  # pages of a port's ring
MESSAGE_BYTES = 32 * KIB  # that are copied at once: the largest message that does not move
MOVED_BYTES = 256 * MIB  # of one that does: its pages may change their object with a lock held
PORTS_AT_ONCE = 64  # among which a thread may wait

# --- upcalls (kernel/upcalls/) ----------------------------------------------------
MAX_GROUPS = 4096  # of all tasks
MAX_UPCALLS = 1 << 14
UPCALLS_PER_GROUP = MAX_CPUS
DEFAULT_PROC_THREADS, DEFAULT_PROC_GROUPS = 150, 50  # FreeBSD's max_threads_per_proc and max_groups_per_proc
GROUP_POLICY_WORDS = 4
MOST_PATIENCE = 64  # threads that an upcall lets leave the kernel first

AIO_OPERATIONS = 64  # that a task may have under way (kernel/task/helpers.py)
SAVE_AREA_CLASSES = 7  # sizes of save areas (kernel/thread/save_area.py)
SAVE_ARENA_WORDS = 16 * MAX_THREADS  # of all save areas: twice what all threads take that have one of the least size

# --- containers (kernel/containers/) --------------------------------------------
MAX_CONTAINERS = 512
CAPABILITIES = 32  # of a container
MAX_POOLS = MAX_CONTAINERS * CAPABILITIES  # that they give a right to
POOL_LEVELS = 8  # pools that are charged with one, those that it was replicated from among them
LEAST_PERIOD_NS = 1000  # of a virtual interrupt (kernel/sleep/periods.py)
MOST_PERIOD_NS = 1 << 50

# --- guest memory -----------------------------------------------------------
PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
MAX_MEMORY_BYTES = 16 * GIB
MIN_MEMORY_BYTES = 4 * MIB
DEFAULT_MEMORY_BYTES = 512 * MIB
MAX_FRAMES = MAX_MEMORY_BYTES >> PAGE_SHIFT
MAX_DESCRIPTORS = (PAGE_SIZE // 8) ** 2  # of a table: a page of pointers to pages of words
STATIC_KERNEL_PAGES = 8  # of kernel memory, in the machine's record (kernel/vm/kernel_pages.py)
OBJECT_CLASSES = 7  # sizes of objects of kernel memory (kernel/vm/slabs.py)
USER_TOP = 1 << 38  # first address above user space (Sv39, lower half)
TLB_ENTRIES = 256
KEPT_ENTRIES = 32  # translations that a CPU keeps of a task that it ran before (kernel/vm/tlb.py)
KEPT_SPACES = 4  # of that many tasks
MAX_AREAS = 1 << 17  # of all tasks (kernel/vm/areas.py)
MAX_TASK_AREAS = 65_530  # of one task (Linux's max_map_count)
MAX_OBJECTS = 1 << 17  # of all tasks and files (kernel/vm/objects.py)
OBJECT_LOCKS = 256  # families of objects share them
GATHERED_FRAMES = 512  # taken out of page tables by one actor, between two shoot-downs
EDITED_ENTRIES = 4096  # of page tables, in one go under mm_lock

# One decoded instruction is one 64-bit word; a page holds one per 2-byte parcel,
# then a sentinel for running off the end, padded to whole cache lines.
PARCELS_PER_PAGE = PAGE_SIZE // 2
DECODED_PAGE_WORDS = PARCELS_PER_PAGE + 8
DECODED_PAGE_BYTES = DECODED_PAGE_WORDS * 8

# --- translated code (isa/translator/) --------------------------------------------
MAX_REGIONS = 1 << 14
REGION_PAGES = 6  # of guest code, that a region may be translated from
REGION_TARGETS = 16  # of indirect jumps that leave a region
HEAT_ENTRIES = 1 << 12  # places that are watched
ARENA_BYTES = 64 * MIB  # of host code

# --- the window of host address space that every process of a machine maps alike ---
WINDOW_BYTES = TIB
RAM_OFFSET = 64 * GIB
DECODED_OFFSET = 128 * GIB
ARENA_OFFSET = 512 * GIB
WINDOW_FIRST = 16 * TIB
WINDOW_COUNT = 16

# --- each CPU's own mappings of guest pages (kernel/vm/windows.py) ---------------
SPACES = 64  # tasks that have one
SPACE_FIRST = WINDOW_FIRST + WINDOW_COUNT * WINDOW_BYTES
SPACE_STRIDE = 2 * USER_TOP  # what lies between two of them is never mapped
SPACE_MAPPINGS = 30_000  # before a CPU begins anew: the host's limit is 65,530
SHOWN_PAGES = 32  # that are mapped at once, where their frames are neighbours
PAGES_AHEAD = 15  # that one page fault brings besides its own (kernel/vm/faults.py)
CHANGES = 32  # of a task's page tables, that CPUs may follow late

# --- queues and time ----------------------------------------------------------
SERVER_RING = MAX_THREADS * 2  # every thread may ask once, every task be announced and reaped once
SLICE_NS = 10_000_000
BUDGET_INSTRUCTIONS = 100_000  # between two ticks: about 150 µs
PROFILE_PLACES = 1 << 15  # of a CPU, in a profile (cpu_worker/profiling.py)
BALANCE_NS = 4_000_000  # between two periodic calls of a policy's `balance`
POLL_NS = 50_000  # idle CPUs poll this long before they park

# --- time-outs (kernel/timekeeper.py; the turn and the fraction are inko's defaults) ------
MAX_TIMEOUTS = 2_000_000  # entries of the timekeeper's heap, valid and invalid
TIMEOUT_RING_MESSAGES = 256  # on their way from one actor to the timekeeper
MESSAGES_PER_TURN = 64
EXPIRIES_PER_TURN = 64  # then the CPUs that got work are told
COMPACT_PERCENT = 10  # the heap is compacted when more of it is invalid
SLACK_NS = 50_000  # imprecise deadlines are rounded up to a multiple (Linux's default timer slack)
KEEPER_SPIN_NS = 120_000  # the timekeeper wakes this long before a deadline, polls what the host leaves of it

# --- debugger (kernel/task/debugging.py) -------------------------------------------------
MAX_BREAKPOINTS = 256
MAX_WATCHPOINTS = 16

# --- IPI vectors (bit numbers of a CPU's interrupt word; DESIGN "IPIs") ---------
IPI_RESCHEDULE = 1
IPI_TLB = 2
IPI_CALL = 4
IPI_STOP = 8
IPI_TIMER = 16  # to the timekeeper: a deadline earlier than what it sleeps for
IPI_CODE = 32  # to a CPU: leave translated code; to the translator: some guest code is hot

assert MAX_CPUS == 64 * CPU_WORDS, "masks of CPUs are whole words"
assert MAX_THREADS & (MAX_THREADS - 1) == 0, "a tid is split by masking"
assert PID_BUCKETS & (PID_BUCKETS - 1) == 0
assert SERVER_RING & (SERVER_RING - 1) == 0, "ring positions wrap by masking"
assert SERVER_RING >= MAX_THREADS + 2 * MAX_TASKS, "a full ring would lose a request"
assert TIMEOUT_RING_MESSAGES & (TIMEOUT_RING_MESSAGES - 1) == 0, "positions wrap by masking"
assert MAX_TIMEOUTS > 2 * (MAX_THREADS + MAX_TIMERS) + MAX_ACTORS * TIMEOUT_RING_MESSAGES, "the heap never fills up"
assert PIPE_SLOTS & (PIPE_SLOTS - 1) == 0, "positions wrap by masking"
assert MAILBOX_SLOTS & (MAILBOX_SLOTS - 1) == 0, "positions wrap by masking"
assert PORT_SLOTS & (PORT_SLOTS - 1) == 0
assert PORT_SLOTS * PAGE_SIZE >= 4 * MESSAGE_BYTES and PORTS_AT_ONCE * 8 <= MESSAGE_BYTES
assert MAX_POOLS < 1 << 16 and MAX_CONTAINERS < 1 << 16 and CAPABILITIES <= 256, "they fit in handles"
assert RAM_OFFSET + MAX_MEMORY_BYTES <= DECODED_OFFSET
assert DECODED_OFFSET + MAX_FRAMES * DECODED_PAGE_BYTES <= ARENA_OFFSET
assert ARENA_OFFSET + ARENA_BYTES <= WINDOW_BYTES
assert HEAT_ENTRIES & (HEAT_ENTRIES - 1) == 0
assert EVENT_RING & (EVENT_RING - 1) == 0
assert PROFILE_PLACES & (PROFILE_PLACES - 1) == 0, "places wrap by masking"
assert TLB_ENTRIES & (TLB_ENTRIES - 1) == 0
