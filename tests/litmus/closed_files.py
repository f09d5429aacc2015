"""Files of a file server that are closed by others, while the server takes them and leaves: none is forgotten."""

from emu.hot import entry, hot
from emu.kernel.files.descriptions import FILE_FOREIGN, drop_description, forget_closed, new_description, take_closed
from emu.kernel.sched.randomness import random_below
from emu.kernel.thread.handles import tid_of
from emu.kernel.thread.records import allocate_thread, join_task, quit_task
from emu.kernel.thread.references import release_task
from emu.shm.layout import machine_at
from emu.testing.crew import LINE, OWN, dawdle, get_word, meet, result, set_word, violation

TASK, TID = OWN, OWN + LINE
FILES, HANDLE = 4, 7


@hot
def _close_some(m, me):
    """What clients do: the last references go."""
    for _ in range(FILES):
        d = new_description(m, me, FILE_FOREIGN, 0, HANDLE)
        if d < 0:
            violation(m)
            return
        m.descriptions[d].output = get_word(m, TID)
        dawdle(random_below(m, me, 20))
        drop_description(m, me, d)


@hot
def _leave(m, me, i, bad):
    """What the server does: it takes some, and leaves. Control: it empties its list while it is still found."""
    dawdle(random_below(m, me, 40))
    for _ in range(random_below(m, me, FILES)):
        handle = take_closed(m, me, i)
        if handle != HANDLE and handle != -1:
            violation(m)
    if bad:
        forget_closed(m, me, i)
    quit_task(m, me, i)
    release_task(m, me, m.threads[i].task)
    if not bad:
        forget_closed(m, me, i)


@entry(5)
def close_and_leave(address, me, workers, rounds, bad):
    """The first process is the server, again and again under the same tid."""
    m = machine_at(address)
    i = allocate_thread(m, me, get_word(m, TASK)) if me == 0 else -1
    done = 0
    while done < rounds:
        if me == 0:
            set_word(m, TID, tid_of(m, i))
            if not join_task(m, me, i):
                violation(m)
        if not meet(m, workers):
            break
        if me == 0:
            _leave(m, me, i, bad != 0)
        else:
            _close_some(m, me)
        if not meet(m, workers):
            break
        if me == 0 and m.threads[i].closed_files != 0:
            violation(m)  # the record's next thread would have them
        done += 1
        result(m, me, done)
    return 0
