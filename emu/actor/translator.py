"""The translator as a host process: it looks for hot guest code (isa/interpreter/heat.py) and translates it.

Nobody waits for it, except where a machine is told to (`translator="sync"`): if it is stopped, killed or behind, guests
run on, interpreted.  So it takes no lock and holds no reference: what it reads of page tables and code may be out of
date, and is checked again when a region is published (shm/regions.py) and each time that one is entered (its guards).
"""

import contextlib
import functools
import gc
import os
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..errors import say
from ..isa.interpreter.heat import ANSWERED, HOT, WORTH
from ..isa.translator.known import Known
from ..isa.translator.machine_code import LinkError
from ..isa.translator.region_code import STRAYED
from ..isa.translator.regions import Page
from ..isa.translator.store import Store
from ..isa.translator.translator import Translator
from ..kernel.ipi import ASLEEP, INTERRUPTED, begin_park, end_park, owed, take_pending
from ..kernel.leaving_code import ask_to_leave, has_left
from ..kernel.vm.pagetable import PPN_MASK, PPN_SHIFT, RWX, V, X
from ..limits import HEAT_ENTRIES, IPI_STOP, PAGE_SHIFT, TRANSLATOR
from ..shm.regions import TRANSLATE_SYNC, no_longer_wait
from ..shm.segment import Window
from .mail import Mail

_LEVELS = 3  # of an Sv39 page table
NEVER = -(1 << 60)  # a count that does not grow up to a limit
MAX_TARGETS = 24  # of a region's indirect jumps, that are taken inside
WAIT_S = 0.0002  # between two looks whether CPUs have left translated code
SYNC_NS = 200_000  # between two looks while CPUs wait
COMPILING_NS = 500_000  # between two looks whether something that is known has become hot, while LLVM works


def main(config, descriptors):
    """Entry of the translator's process."""
    window = Window(config["address"], config["memory_bytes"], [d.detach() for d in descriptors])
    mail = Mail(config["directory"], TRANSLATOR, window.machine)
    try:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # it does not push a CPU from its core
        gc.freeze()
        _serve(window, mail)
    except Exception:
        traceback.print_exc()
        say("emu: the translator has ended; what is not translated yet is interpreted from here on")
        no_longer_wait(window.machine)
    finally:
        mail.close()


def _serve(window, mail):
    base, m = window.address, window.machine
    work = None
    waits_ns = SYNC_NS if m["translating"] == TRANSLATE_SYNC else 0
    while not take_pending(base, TRANSLATOR) & IPI_STOP and not m["failed"]:
        if work and m["careful"]:
            work.be_careful()
        hot = work.hottest() if work else _hottest(m["heat"]["count"], HOT)
        strayed = _strayed(m) if hot is None else None
        if hot is not None or strayed is not None:
            work = work or Work(window, mail)
            if hot is not None:
                work.on_heat(hot)
            else:
                work.on_strayed(m["regions"][strayed])
        else:
            if work:
                work.known.save()
            if waits_ns:
                mail.sleep_for(waits_ns)
            else:
                _sleep(base, mail)
    if work:
        work.known.save(at_once=True)


class Work:
    """What the translator does about a request."""

    def __init__(self, window, mail):
        self._window, self._mail = window, mail
        self._translator = Translator(window, self._reclaim)
        self._targets = {}  # (task, entry) of a region -> where its indirect jumps went, in order
        self.known = Known(self._translator, Store(), self._targets)
        self._unknown = np.zeros(HEAT_ENTRIES, dtype=np.int64)  # HEAT.ip of places that are not known
        waits = window.machine["translating"] == TRANSLATE_SYNC
        self._worth = HOT if waits else WORTH
        self._llvm = ThreadPoolExecutor(1)
        self._compile = self._translator.compile
        self._translator.compile = self._compile_and_load

    def be_careful(self):
        """From now on translated code uses the TLB, not windows (kernel/vm/windows.py)."""
        if not self._translator.careful:
            self._translator.careful = True
            self._reclaim()

    def hottest(self):
        """The place to look at next, None where there is none: what may be known first, for that takes no time."""
        hot = self._perhaps_known()
        return hot if hot is not None else _hottest(self._window.machine["heat"]["count"], self._worth)

    def _perhaps_known(self):
        """The place that has most samples of those that nobody has looked at, None where there is none."""
        heat = self._window.machine["heat"]
        return _hottest(np.where(self._unknown == heat["ip"], 0, heat["count"]), HOT)

    def on_heat(self, n):
        """A place has enough samples: the n-th of MACHINE.heat."""
        h = self._window.machine["heat"][n]
        if self._load(n) or h["count"] < self._worth:
            return
        pc, task = int(h["pc"]), int(h["task"])
        self._translate(pc, functools.partial(code_page, self._window, task), task)
        h["count"] = ANSWERED

    def _load(self, n):
        """See whether a hot place is translated, or known; False where it has to be translated."""
        h = self._window.machine["heat"][n]
        pc, ip, task = int(h["pc"]), int(h["ip"]), int(h["task"])
        fetch = functools.partial(code_page, self._window, task)
        if self._translator.entered_at(pc, fetch) is None:
            if not self.known.enter(pc, fetch, task):
                self._unknown[n] = ip
                return False
            self._forget_counts()
        h["count"] = ANSWERED
        return True

    def _compile_and_load(self, text):
        """The machine code of a module. While LLVM works, in a thread of its own, what is known is loaded."""
        made = self._llvm.submit(self._compile, text)
        while not made.done():
            hot = self._perhaps_known()
            if hot is not None:
                self._load(hot)
            else:
                self._mail.sleep_for(COMPILING_NS)
        return made.result()

    def on_strayed(self, region):
        """Many indirect jumps have left a region: translate it again, with the places where they went."""
        known = self._targets.setdefault((int(region["task"]), int(region["entry"])), {})
        before = len(known)
        known.update((int(pc), None) for pc in region["targets"] if pc)
        if len(known) == before:  # they do not fit in
            region["strayed"] = NEVER
            return
        targets = list(known)[-MAX_TARGETS:]
        fetch = functools.partial(code_page, self._window, int(region["task"]))
        region["strayed"] = NEVER
        self._translate(int(region["entry"]), fetch, int(region["task"]), targets)

    def _reclaim(self):
        """Make all regions dead, wait until no CPU is in one, and begin anew with an empty arena."""
        m = self._window.machine
        m["regions"]["code"][: int(m["nr_regions"])] = 0
        if self._await_cpus():
            m["nr_regions"] = m["arena_used"] = 0
            m["arenas"] += 1
            self._targets.clear()
            self.known.forget()

    def _await_cpus(self):
        """Wait until each CPU has been outside of translated code; False where the machine ends meanwhile."""
        base, m = self._window.address, self._window.machine
        waiting = list(range(int(m["nr_cpus"])))
        requests = {cpu: ask_to_leave(base, TRANSLATOR, cpu) for cpu in waiting}
        self._mail.wake(owed(base, TRANSLATOR))
        while waiting:
            waiting = [cpu for cpu in waiting if not has_left(base, cpu, requests[cpu])]
            if m["failed"] or m["cpus"][TRANSLATOR]["pending"] & IPI_STOP:
                return False
            time.sleep(WAIT_S if waiting else 0)
        return True

    def _forget_counts(self):
        """Where guests go is different from now on: what was counted before says little about it."""
        m = self._window.machine
        heat, regions = m["heat"]["count"], m["regions"]["strayed"][: int(m["nr_regions"])]
        heat[heat > 0] = 0
        regions[regions > 0] = 0

    def _translate(self, pc, fetch, task, targets=()):
        """Translate a place; one that cannot be (LinkError) stays interpreted."""
        with contextlib.suppress(LinkError):
            if self._translator.translate(pc, fetch, task, targets):
                self._forget_counts()


def _hottest(counts, enough):
    """The place that has most samples, of those that have enough; None where none has."""
    hottest = int(np.argmax(counts))
    return hottest if counts[hottest] >= enough else None


def _strayed(m):
    """A region that many indirect jumps have left, None where there is none."""
    regions = m["regions"][: int(m["nr_regions"])]
    strayed = np.where(regions["code"] != 0, regions["strayed"], 0)
    most = int(np.argmax(strayed)) if len(strayed) else 0
    return most if len(strayed) and strayed[most] >= STRAYED else None


def _sleep(base, mail):
    parked = begin_park(base, TRANSLATOR)
    if parked == INTERRUPTED:
        return
    consumed = mail.sleep() if parked == ASLEEP else False
    if end_park(base, TRANSLATOR, int(consumed)):
        mail.sleep()
        end_park(base, TRANSLATOR, 1)


def code_page(window, task, page):
    """The Page that a task has at a guest address, as its page table says just now; None: it may not execute there."""
    m = window.machine
    table, frames = int(m["tasks"][task]["root"]), int(m["nr_frames"])
    for level in reversed(range(_LEVELS)):
        if not 0 <= table < frames:
            return None
        entry = int(window.memory(table).view(np.int64)[page >> (PAGE_SHIFT + 9 * level) & 511])
        if not entry & V:
            return None
        table = entry >> PPN_SHIFT & PPN_MASK
        if entry & RWX:
            break
    if not entry & X or not 0 <= table < frames or level:
        return None
    return Page(table, bytes(window.memory(table)), window.decoded(table).tolist())
