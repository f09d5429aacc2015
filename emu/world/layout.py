"""The records of a world. They lie outside the machine's window, so a schedule's end does not take them back."""

from ..hot import hot
from ..limits import MAX_THREADS
from ..shm.layout.declare import i64, i64s, line, many, record, u8s
from ..shm.memory import record_at

MAX_WAITING = 1024  # runnable threads at a time
MAX_SWITCHES = 1 << 16  # of a schedule that are recorded
MAX_LOGGED = 1 << 16  # decisions of a schedule that is logged
LOGGED_PSEUDO = 8  # of each
OUTPUT_BYTES = 1 << 16  # of a schedule's output that are kept
PAGE_ENTRIES = 1 << 12  # pages with shared words, and room for collisions
WORD_ENTRIES = 1 << 18  # words that a profile notes, likewise
PAGE_WORDS = 8  # 64 bits each: a bit for each aligned 8 bytes of a page
STRATEGY_WORDS = 64
GIVES_UP = -2  # of a strategy's choices: the schedule ends
# Among the threads that wait there may be others: the first store of a buffer (weak.py), and time.
PSEUDO = 1 << 13  # from here on
CLOCK = PSEUDO  # time goes to the next deadline
DRAINS = PSEUDO + 8
WEIGHTS = 1024

# WORLD.mode: what is done at each access to guest memory, and before each call.
BOOT, PROFILE, EXPLORE, TELL = range(4)

# WORLD.left: why the schedule ended, or has to be looked at by cold code.
(
    GOES_ON,
    AT_MARK,  # the program is about to make its second thread, or says that exploring begins
    ENDED,  # by exit_group; left_value is the status
    ABORTED,  # by abort(3)
    TOO_LONG,  # more events or instructions than a schedule may have: a livelock
    TOO_MANY,  # more threads than a world has room for
    FAILED_CHECK,  # emu_assert
    IDLES,  # the only thread that could run waits for time to pass
    GIVEN_UP,  # by the strategy
    AT_EVENT,  # in TELL mode: left_thread is about to do what its record says
) = range(10)

# What a thread is about to do, which is a switch point.
NOTHING, READ, WRITE, CALL = range(4)

SWITCH = record(
    "SWITCH",
    i64("step", doc="events of all threads before it"),
    i64("thread", doc="which thread gave way"),
    i64("events", doc="that one's, the one before which it gave way included"),
    i64("to", doc="which thread ran from there on"),
    i64("forced", doc="1: the other one could not have gone on"),
    align=8,
)

LOGGED = record(
    "LOGGED",
    i64("thread", doc="who is about to do something, or ran last"),
    i64("forced", doc="1: that one cannot go on, or spins"),
    i64("kind", doc="READ, WRITE or CALL; NOTHING where it cannot go on"),
    i64("at", doc="address of the word, or number of the call"),
    i64("word", doc="as WORLD_THREAD.word"),
    i64("waiting", doc="bit k % 64: thread k could run, too"),
    i64("nr_pseudo", doc="of those that wait and are no threads"),
    i64s("pseudo", LOGGED_PSEUDO, doc="the first of them"),
    i64s("pseudo_at", LOGGED_PSEUDO, doc="the word that each changes"),
    i64("events", doc="of that thread so far"),
    i64("switches", doc="that had been made before"),
    i64("chosen", doc="who goes on"),
    align=16,
)

WORLD_THREAD = record(
    "WORLD_THREAD",
    i64("kind", doc="what it is about to do: NOTHING where that is not known"),
    i64("at", doc="the word's address or the call's number"),
    i64("word", doc="of a call: the only word that it uses, and no other threads notice it; 0: it may do anything"),
    i64("granted", doc="1: it has been chosen, and does it without asking again"),
    i64("told", doc="1: cold code has been told of what it is about to do"),
    i64("priority", doc="the strategy's"),
    i64("reads", doc="events since it last changed something: a long run means that it spins"),
    i64("yielded", doc="1: it gave way, or spins; who takes notice clears it"),
    i64("events", doc="so far in this schedule, of all threads that had this index"),
    i64("born", doc="MACHINE-wide count of births when it was born; 0: it was there from the beginning"),
    i64("parent", doc="index of its creator, -1 none"),
    i64("last", doc="address or call of its last event"),
    i64("tail", doc="the strategy's"),
)

SHARED_PAGE = record(
    "SHARED_PAGE",
    i64("page", doc="guest address + 1, 0 none"),
    i64s("bits", PAGE_WORDS, doc="the words of the page that are shared"),
    align=8,
)

NOTED_WORD = record(
    "NOTED_WORD",
    i64("at", doc="guest address + 1, 0 none"),
    i64("shared", doc="1: two threads have used it, one of them to write, in no order that births give"),
    i64("reader", doc="index + 1 of the last thread that read it"),
    i64("read", doc="how many threads had been born then"),
    i64("writer"),
    i64("written"),
    align=8,
)

WORLD = record(
    "WORLD",
    # What outlives a schedule.
    i64("interpret", doc="address of the interpreter"),
    i64("linux_call", doc="address of the system calls"),
    i64("weak", doc="address of the records of weak_records.py, 0: memory is sequentially consistent"),
    i64("all_calls", doc="1: each system call is a switch point, also those that others do not notice"),
    i64("by_priority", doc="1: threads run by their real-time priorities (priorities.py)"),
    i64("has_mark", doc="1: the program will say by a call where exploring begins (guests/emu_explore.h)"),
    i64("nr_noted", doc="entries of `words` in use"),
    i64("nr_pages", doc="entries of `pages` in use"),
    line("a schedule"),  # from here to `switches`: as at the snapshot when a schedule begins
    i64("mode", doc="BOOT to TELL"),
    i64("left", doc="GOES_ON to IDLES"),
    i64("left_value"),
    i64("left_thread"),
    i64("is_time_due", doc="1: the strategy lets time go to the next deadline"),
    i64("choose", doc="address of the strategy's choice"),
    i64("random", doc="state of the generator from which all chance of a schedule comes"),
    i64("step", doc="events so far: each is a decision where more than one thread could go on"),
    i64("max_steps"),
    i64("ticks", doc="of 100,000 instructions"),
    i64("max_ticks"),
    i64("silent_ticks", doc="since the last event"),
    i64("has_spun", doc="1: a thread had to give way since it spins"),
    i64("ticked_step", doc="WORLD.step at the last tick"),
    i64("digest", doc="of all events and choices so far: two runs with the same one did the same"),
    i64("chosen", doc="the thread that the next switch goes to, -1: the strategy is asked then"),
    i64("running", doc="the thread that runs, or ran last"),
    i64("value", doc="of the word that is about to be used"),
    i64("streaker", doc="whose the last event was"),
    i64("streak", doc="events of that thread without one of another"),
    i64("births"),
    i64("preemptions", doc="switches away from a thread that could have gone on"),
    i64("nr_threads", doc="indices of threads seen so far"),
    i64("nr_switches"),
    i64("nr_planned", doc="switches of `plan`"),
    i64("nr_made", doc="of these that have been made"),
    i64("logging", doc="1: decisions are logged"),
    i64("nr_logged"),
    i64("nr_output", unit="bytes"),
    i64("nr_waiting"),
    i64("nr_held"),
    i64s("state", STRATEGY_WORDS, doc="the strategy's own"),
    i64s("weights", WEIGHTS, doc="of threads by index; likewise"),
    i64s("waiting", MAX_WAITING, doc="the threads that could run, in the order in which they came"),
    i64s("held", MAX_WAITING, doc="those that could run, but for more important ones"),
    line("arrays"),
    many("switches", SWITCH, MAX_SWITCHES),
    many("plan", SWITCH, MAX_SWITCHES, doc="the switches that strategies/planned.py repeats"),
    u8s("output", OUTPUT_BYTES),
    many("pages", SHARED_PAGE, PAGE_ENTRIES),
    many("threads", WORLD_THREAD, MAX_THREADS),
    many("log", LOGGED, MAX_LOGGED),
    many("words", NOTED_WORD, WORD_ENTRIES),
)

world_at = record_at(WORLD)


@hot
def world_of(m):
    """The world that plays a machine: its policy's parameter."""
    return world_at(m.parameters[0])
