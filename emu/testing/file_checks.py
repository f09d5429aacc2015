"""Open files of a machine at rest, counted from the descriptor tables and compared with what their records say."""

import numpy as np

from ..kernel.files.descriptions import FILE_FREE, FILE_PIPE, FILE_SOCKET
from ..kernel.files.pipe import slot_of
from ..kernel.files.socket_ends import DATAGRAM, LISTENING
from ..kernel.files.table import PAGE_WORDS, WORD
from ..limits import INLINE_DESCRIPTORS, MAX_TASKS, PAGE_SIZE, PIPE_SLOTS
from .watch_checks import check_watches

O_ACCMODE, O_RDONLY, O_WRONLY = 3, 0, 1


def check_files(window):
    """References of tables, descriptions and pipes, free lists, and what tables and pipes say of themselves."""
    machine = window.machine
    tables = _tables(machine)
    counted = {}
    for n in tables:
        words = descriptor_words(window, n)
        record = machine["file_tables"][n]
        assert record["size"] > max(words, default=-1), f"table {n} has descriptors beyond its size"
        assert all(fd in words for fd in range(int(record["taken"]))), f"table {n} has a free descriptor below `taken`"
        for word in words.values():
            d = WORD.get(word, "description") - 1
            counted[d] = counted.get(d, 0) + 1
        if record["directory"] > 0:
            d = int(record["directory"]) - 1
            counted[d] = counted.get(d, 0) + 1
    for held in machine["threads"]["held_file"][: machine["fresh_thread"]].tolist():
        if held:
            counted[held - 1] = counted.get(held - 1, 0) + 1
    orphans = _list(machine["descriptions"], machine["first_orphan"], "first_orphan")
    used = _used(machine, "descriptions", "free_description", "fresh_description")
    for server, first in enumerate(machine["threads"]["closed_files"][: machine["fresh_thread"]].tolist()):
        orphans += _list(machine["descriptions"], first, f"closed_files of thread {server}")
    references = {d: int(machine["descriptions"][d]["references"]) for d in used if d not in orphans}
    assert references == counted, f"references of open files (words, counted): {references}, {counted}"
    _check_pipes(machine, references)
    check_watches(machine, references)


def _tables(machine):
    """The tables that are in use, their references counted."""
    named = {}
    for k in range(MAX_TASKS):
        if machine["tasks"][k]["state"] and machine["tasks"][k]["table"]:
            n = int(machine["tasks"][k]["table"]) - 1
            named[n] = named.get(n, 0) + 1
    used = _used(machine, "file_tables", "free_file_table", "fresh_file_table")
    assert {n: int(machine["file_tables"][n]["references"]) for n in used} == named, "references of descriptor tables"
    return used


def descriptor_words(window, n):
    """{descriptor: its word} of a table."""
    record = window.machine["file_tables"][n]
    words = {fd: int(word) for fd, word in enumerate(record["words"]) if word}
    for page, frame in enumerate(_pages(window, record)):
        if frame:
            content = window.memory(frame - 1).view(np.int64)
            first = page * PAGE_WORDS
            words.update((first + at, int(content[at])) for at in np.flatnonzero(content).tolist())
    return words


def _pages(window, record):
    return window.memory(int(record["root"]) - 1).view(np.int64).tolist() if record["root"] else []


def _list(records, first, name):
    """The records of a list that begins with `first` (index + 1, 0 none)."""
    found, n = [], int(first) - 1
    while n >= 0:
        assert n not in found, f"{name} is a circle"
        found.append(n)
        n = int(records[n]["next_free"]) - 1
    return found


def _used(machine, records, free, fresh):
    unused = set(_list(machine[records], machine[free], free))
    return [n for n in range(int(machine[fresh])) if n not in unused]


def _check_pipes(machine, files):
    ends = {}
    for d in files:
        record = machine["descriptions"][d]
        assert record["kind"] != FILE_FREE, f"open file {d} is marked as free"
        if record["kind"] == FILE_PIPE:
            access = int(record["flags"]) & O_ACCMODE
            readers, writers = ends.get(int(record["object"]), (0, 0))
            ends[int(record["object"])] = readers + (access != O_WRONLY), writers + (access != O_RDONLY)
        if record["kind"] == FILE_SOCKET:
            own = int(record["role"] in (LISTENING, DATAGRAM))
            for field, ends_of in (("object", (1, own)), ("output", (0, 1))):
                if record[field] < 0:
                    continue
                before = ends.get(int(record[field]), (0, 0))
                ends[int(record[field])] = before[0] + ends_of[0], before[1] + ends_of[1]
    used = _used(machine, "pipes", "free_pipe", "fresh_pipe")
    pipes = machine["pipes"]
    assert {n: (int(pipes[n]["readers"]), int(pipes[n]["writers"])) for n in used} == ends, "ends of pipes"
    for n in used:
        p = pipes[n]
        head, tail = int(p["head"]), int(p["tail"])
        assert not p["reading"] and not p["writing"] and not p["lock"], f"pipe {n} is in use"
        assert head <= tail == p["write_end"] <= head + PIPE_SLOTS * PAGE_SIZE, f"pipe {n}: positions"
        for position in {head, *range(head & -PAGE_SIZE, tail, PAGE_SIZE)} if head < tail else ():
            assert p["slots"][slot_of.function(position)], f"pipe {n}: bytes in a slot without a frame"


def frames_of_files(window):
    """{frame: 1} of what descriptor tables and pipes hold."""
    machine, frames = window.machine, []
    for n in range(int(machine["fresh_file_table"])):
        record = machine["file_tables"][n]
        if record["root"]:
            frames += [int(record["root"]) - 1, *(frame - 1 for frame in _pages(window, record) if frame)]
    for n in range(int(machine["fresh_pipe"])):
        frames += [int(slot) - 1 for slot in machine["pipes"][n]["slots"] if slot]
    return dict.fromkeys(frames, 1)


assert INLINE_DESCRIPTORS <= PAGE_WORDS
