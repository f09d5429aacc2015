"""A translator that publishes regions while the frames that they are made from are stored to, dropped and used again.

The translator is the real one (isa/translator/translator.py), in a process of its own; but the code of its regions is
two words: the versions that it has read, one of each writer.  A writer raises its version in the frame by a store as a
guest's to code, at about the same time as the other one, or singly.  When its store has returned, no region that may be
entered was made from an older version.

Numbers of regions are used again, as those of an arena that is reclaimed; places in the arena are not, so that a
version that is read through REGION.code is that of the region.  Regions of other frames come first, so that it takes
time to look for those that have to die.
"""

import struct

import numpy as np

from emu.hot import entry, hot
from emu.isa.translator.regions import Page, Region
from emu.isa.translator.translator import Translator
from emu.kernel.sched.randomness import random_below
from emu.kernel.vm.frames import allocate_frame, drop_frame
from emu.limits import ARENA_BYTES, REGION_PAGES
from emu.shm.atomics import exchange, fence, fetch_and, fetch_or, load_acquire, load_relaxed, pause
from emu.shm.decoded import invalidate
from emu.shm.layout import decoded_address, frame_address, machine_at
from emu.shm.layout.memory import FRAME_CODE, FRAME_REFERENCES_SHIFT, FRAME_TRANSLATED
from emu.shm.memory import load_64, store_64
from emu.shm.regions import admit, mark_translated
from emu.shm.tags import TAG_PAGE
from emu.testing.crew import (
    LINE,
    OWN,
    RESERVED_FRAMES,
    RESULTS,
    STOP,
    dawdle,
    get_word,
    meet,
    over,
    result,
    set_word,
    violation,
)

FRAME = RESERVED_FRAMES + 8  # that writers store to
RECYCLED, ROUND = OWN, OWN + LINE  # the frame that is dropped and used again; the first writer's version
VA = 0x10000
APART = 64  # bytes between two writers' versions
OTHERS, NUMBERS = 1000, 32  # regions of other frames; of this one, before their numbers are used again
TOGETHER, SINGLY, WITHOUT_FORGETTING = range(3)


@hot
def _look(m, k, version):
    """No region that may be entered is older than a version."""
    for r in range(OTHERS, load_acquire(m, "nr_regions")):
        region = m.regions[r]
        code = load_acquire(region, "code")
        if code > 0:
            made = load_64(code + 8 * k)
            if made < version and load_acquire(region, "code") == code:
                violation(m)


@hot
def _invalidate_badly(m, frame):
    """Control: who finds no mark goes on, though another one may be looking for the regions still."""
    fence()
    if load_acquire(m.frames[frame], "word") & FRAME_TRANSLATED == 0:
        return
    fetch_and(m.frames[frame], "word", ~FRAME_TRANSLATED)
    dawdle(2000)
    words = decoded_address(m, frame)
    for r in range(OTHERS, load_relaxed(m, "nr_regions")):
        region = m.regions[r]
        if load_relaxed(region, "code") != 0 and region.decoded[0] == words:
            exchange(region, "code", 0)


@entry(5)
def writer(address, me, workers, count, how):
    """Worker k stores version k."""
    m = machine_at(address)
    host = frame_address(m, FRAME) + me * APART
    fetch_or(m.frames[FRAME], "word", FRAME_CODE | 1 << FRAME_REFERENCES_SHIFT)
    meet(m, workers)
    version = 0
    while version < count and not over(m):
        version += 1
        if me == 0:
            set_word(m, ROUND, version)
        elif how != SINGLY:
            while get_word(m, ROUND) < version and not over(m):
                pause()
            version = get_word(m, ROUND)
        result(m, me, version)
        dawdle(random_below(m, me, 40))
        store_64(host, version)
        dawdle(random_below(m, me, 4000 if how == SINGLY else 400))
        if how == WITHOUT_FORGETTING:
            _invalidate_badly(m, FRAME)
        else:
            invalidate(m, host, 8)
        _look(m, me, version)
        if how == SINGLY:
            dawdle(random_below(m, me, 20_000))
        elif me == 0:
            dawdle(random_below(m, me, 4000))
        _look(m, me, version)
    return 0


@entry(4)
def recycler(address, me, workers, count):
    """In each round a frame is filled, becomes code, is dropped, and is another's: whose bytes make nobody look."""
    m = machine_at(address)
    meet(m, workers)
    version = 0
    while version < count and not over(m):
        version += 1
        result(m, me, version)
        frame = allocate_frame(m, me, TAG_PAGE)
        host = frame_address(m, frame)
        for k in range(2):
            store_64(host + k * APART, version)
        _look(m, me, version)
        set_word(m, RECYCLED, frame)
        dawdle(random_below(m, me, 4000))
        fetch_or(m.frames[frame], "word", FRAME_CODE)
        dawdle(random_below(m, me, 20_000))
        drop_frame(m, me, frame)
        _look(m, me, version + 1)
        dawdle(random_below(m, me, 4000))
    return 0


# --- translators ----------------------------------------------------------------------------------------------


class Believing(Translator):
    """Control: the bytes are not read again."""

    def check(self, number, region):
        for page in region.pages.values():
            mark_translated(self.window.address, page.frame)
        return bool(admit(self.window.address, number))


class MarkingFirst(Translator):
    """Control: a mark may be taken before there is a region to be found."""

    def place(self, region, *code):
        for page in region.pages.values():
            mark_translated(self.window.address, page.frame)
        return super().place(region, *code)

    def check(self, number, region):
        same = all(bytes(self.window.memory(page.frame)) == page.data for page in region.pages.values())
        if not same:
            self.machine["regions"][number]["code"] = 0
        return same and bool(admit(self.window.address, number))


class Eager(Translator):
    """Control: a region may be entered before its bytes are read again."""

    def place(self, *arguments):
        number = super().place(*arguments)
        record = self.machine["regions"][number]
        record["code"] = -record["code"]
        return number

    def check(self, number, region):
        record = self.machine["regions"][number]
        marked = [mark_translated(self.window.address, page.frame) for page in region.pages.values()]
        if all(marked) and all(bytes(self.window.memory(page.frame)) == page.data for page in region.pages.values()):
            return record["code"] > 0
        record["code"] = 0
        return False


class Unconcerned(Translator):
    """Control: whose the frame is does not matter."""

    def check(self, number, region):
        for page in region.pages.values():
            mark_translated(self.window.address, page.frame)
        if all(bytes(self.window.memory(page.frame)) == page.data for page in region.pages.values()):
            return bool(admit(self.window.address, number))
        self.machine["regions"][number]["code"] = 0
        return False


KINDS = (Translator, Believing, MarkingFirst, Eager, Unconcerned)
NAMES = [kind.__name__ for kind in KINDS]


def translator(window, me, workers, directory, kind, recycled):
    """Publish regions of the frame until the run is over; the result is how many came to life."""
    m, words = window.machine, window.memory(0, RESERVED_FRAMES).view(np.int64)
    work = KINDS[kind](window)
    others = m["regions"][:OTHERS]
    others["code"], others["nr_pages"], others["decoded"] = 1, REGION_PAGES, 0
    m["nr_regions"] = OTHERS
    meeting(window.address, workers)
    alive = 0
    while not words[STOP] and m["arena_used"] < ARENA_BYTES - 4096:
        frame = int(words[RECYCLED]) if recycled else FRAME
        if frame == 0:
            continue
        page = Page(frame, bytes(window.memory(frame)), None)
        versions = [int.from_bytes(page.data[k * APART : k * APART + 8], "little") for k in range(2)]
        if m["nr_regions"] == OTHERS + NUMBERS:
            m["regions"]["code"][OTHERS : OTHERS + NUMBERS] = 0
            m["nr_regions"] = OTHERS
        region = Region(VA, {}, {VA: page}, {})
        number = work.place(region, struct.pack("<2q", *versions), 0, 0)
        alive += work.check(number, region)
        words[RESULTS + me * LINE] = alive


@entry(2)
def meeting(address, workers):
    meet(machine_at(address), workers)
    return 0
