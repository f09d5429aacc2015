"""A workload's deadlock in words: which instance waits for which lock, condition or barrier, and who holds the lock.

The guest (guests/workload.c) keeps a status line for each of its threads, and says at its start where these lie.  They
are read when every thread waits for another one, so nothing changes meanwhile; what does not fit together is left out.
"""

import struct

from ..limits import SUPERVISOR
from ..server.errors import LinuxError
from ..server.guest_memory import UserMemory
from .code import numbers_of

_STATUS, _COUNT, _HOLDER = struct.Struct("<iiii"), struct.Struct("<q"), struct.Struct("<i")
MOST_SLOTS, MOST_SAID = 3500, 8
_WAITS = {"l": ("mutex", "lock"), "w": ("condition", "a signal of condition"), "m": ("barrier", "barrier"),
          "j": ("thread", "the end of")}  # fmt: skip


def explain_deadlock(workload, window, task, output):
    """One sentence; `output` is what the guest has written so far, `task` its index."""
    names = {kind: {n: name for name, n in numbers.items()} for kind, numbers in numbers_of(workload).items()}
    said = []
    try:
        slots, holders = _read(UserMemory(window, SUPERVISOR, task), output, len(names["mutex"]))
        said = [_sentence(slot, slots, holders, names) for slot in slots if slot[2]]
    except (LinuxError, ValueError, struct.error, KeyError, IndexError):
        pass
    more = f"; and {len(said) - MOST_SAID} more" if len(said) > MOST_SAID else ""
    which = "; ".join(said[:MOST_SAID]) + more
    return f"{workload.file}: deadlock: every thread waits for another one" + (f": {which}" if which else "")


def _read(memory, output, nr_mutexes):
    """([status of each slot], [slot + 1 that holds each mutex])."""
    word, *addresses = output.split("\n", 1)[0].split()
    if word != "waits":
        raise ValueError(word)
    statuses, count, holders = map(int, addresses)
    (nr_slots,) = _COUNT.unpack(memory.read(count, _COUNT.size))
    raw = memory.read(statuses, _STATUS.size * min(nr_slots, MOST_SLOTS))
    held = memory.read(holders, _HOLDER.size * nr_mutexes)
    return list(_STATUS.iter_unpack(raw)), [holder for (holder,) in _HOLDER.iter_unpack(held)]


def _sentence(slot, slots, holders, names):
    kind, what = _WAITS[chr(slot[2])]
    text = f"{_who(slot, names)} waits for {what} {names[kind][slot[3]]!r}"
    if kind == "mutex":
        holder = holders[slot[3]]
        text += f", held by {_who(slots[holder - 1], names)}" if holder else ", held by nobody"
    return text


def _who(slot, names):
    return f"{names['thread'][slot[0]]!r} {slot[1]}"
