"""The records of a weak memory: store buffers, loads that are not done yet, what was in each shared word when."""

from ..shm.layout.declare import i64, i64s, many, record
from ..shm.memory import record_at

SC, TSO, RVWMO = range(3)  # WEAK.model
MAX_WEAK_THREADS = 64  # indices of threads
DEPTH = 8  # stores that a thread's buffer holds
PENDING = 4  # loads of a thread that are not done yet
MAX_WEAK_WORDS = 512
WORD_SLOTS = 1024
VERSIONS = 8  # of a word that may still be read
REGISTERS = 64
MAX_DRAINS = 1 << 12

BUFFERED = record(
    "BUFFERED",
    i64("used", doc="1: a store waits here"),
    i64("order", doc="of the thread's stores: the lower, the earlier"),
    i64("epoch", doc="stores of a lower one come first"),
    i64("at", doc="guest address of the word"),
    i64("host", doc="its address in this process"),
    i64("bytes", doc="a bit for each byte that is stored"),
    i64("data", doc="the word with these bytes in their places"),
    i64("in_waiting", doc="1: it may reach memory next, and so is among those that wait"),
    align=8,
)

PENDING_LOAD = record(
    "PENDING_LOAD",
    i64("register", doc="that gets the value; 0: this entry is free"),
    i64("va"),
    i64("host"),
    i64("size", doc="in bytes, with SIGNED"),
    i64("bound", doc="the value is not older than this time"),
    align=8,
)

VERSION = record("VERSION", i64("time"), i64("value"), align=8)

WEAK_WORD = record(
    "WEAK_WORD",
    i64("at", doc="guest address + 1, 0: free"),
    i64("number", doc="index into views"),
    i64("nr", doc="versions so far; the last VERSIONS are kept"),
    many("versions", VERSION, VERSIONS),
    align=8,
)

WEAK_THREAD = record(
    "WEAK_THREAD",
    i64("nr_buffered"),
    i64("order"),
    i64("epoch"),
    i64("nr_pending"),
    i64("bound", doc="no load reads what was older than this time: its last fence or acquire"),
    i64("newest", doc="the time of the newest value that it has loaded"),
    i64("in_call", doc="1: a system call of it comes before whatever it does next"),
    i64("stored", doc="when its last store reached memory"),
    i64s("times", REGISTERS, doc="of each register: the time of the newest load on which it depends"),
    many("buffer", BUFFERED, DEPTH),
    many("pending", PENDING_LOAD, PENDING),
)

DRAINED = record("DRAINED", i64("step"), i64("thread"), i64("at"), i64("value"), align=8)

WEAK = record(
    "WEAK",
    i64("model", doc="SC, TSO or RVWMO"),
    i64("choices", doc="from which all that is chosen here follows"),
    i64("time", doc="counts whatever reaches memory"),
    i64("task", doc="whose threads' memory is weak: the program's"),
    i64("nr_words"),
    i64("scratch", doc="a word's value as a thread sees it"),
    i64("redirect", doc="address of a word where the next access of the interpreter goes instead; 0 none"),
    i64("satisfied", doc="the time of the last load"),
    i64("nr_drains"),
    many("drains", DRAINED, MAX_DRAINS, doc="what has reached memory, for who tells the schedule"),
    many("threads", WEAK_THREAD, MAX_WEAK_THREADS),
    many("words", WEAK_WORD, WORD_SLOTS),
    i64s("views", MAX_WEAK_THREADS * MAX_WEAK_WORDS, doc="of each thread and word: no older version is read"),
)

SCRATCH = WEAK.offset("scratch")

weak_at = record_at(WEAK)
