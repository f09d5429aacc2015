"""The order of locks, as data: a lock may be taken while only lower ranks are held.

Locks of one kind share a rank.  Of two run queues (or buckets) the one with the lower index is
locked first; for the checker, the rank of each is this number plus its index.
"""

TIMERS = 5  # MACHINE.timers_lock
TASKS = 10  # MACHINE.tasks_lock
FAMILIES = 15  # MACHINE.families_lock
TASK = 20  # TASK.lock
GROUPS = 22  # MACHINE.groups_lock
SIGNALS = 25  # TASK.signal_lock
MM = 30  # TASK.mm_lock
OBJECT = 35  # MACHINE.object_locks
FILE_TABLE = 40  # FILE_TABLE.lock
WATCHES = 45  # MACHINE.watches_lock
PIPE = 50  # PIPE.lock
SOURCE = 50  # the lock of any file that can be watched: PIPE.lock, EVENT_COUNTER.lock
NESTS = 55  # MACHINE.nests_lock
EPOLL_SET = 60  # EPOLL_SET.lock
PORT = 70  # PORT.lock
SELECT = 72  # TASK.select_lock
MAILBOX = 75  # MAILBOX.lock
SENDERS = 85  # THREAD.senders.lock
SPARES = 88  # GROUP.spares_lock
WAIT_QUEUE = 90  # WAIT_QUEUE.lock, THREAD.callers.lock
BUCKET = 100  # BUCKET.lock; two: lower index first (+ index)
PRIORITY = 900  # MACHINE.priority_lock
RUNQUEUE = 1000  # RUNQUEUE.lock; two: lower index first (+ index)
VECTORS = 2005  # MACHINE.vectors_lock
CONTAINERS = 2008  # MACHINE.containers_lock
THREADS = 2010  # MACHINE.threads_lock
AREAS = 2011  # MACHINE.areas_lock
OBJECTS = 2012  # MACHINE.objects_lock
KMEM = 2015  # MACHINE.kmem_lock
SAVE_AREAS = 2017  # MACHINE.save_areas_lock
FRAMES = 2020  # MACHINE.frames_lock
SIGINFOS = 2030  # MACHINE.siginfos_lock
FILE_TABLES = 2040  # MACHINE.file_tables_lock
DESCRIPTIONS = 2050  # MACHINE.descriptions_lock
PIPES = 2060  # MACHINE.pipes_lock
EVENT_COUNTERS = 2070  # MACHINE.event_counters_lock
PORTS = 2080  # MACHINE.ports_lock
