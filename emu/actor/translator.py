"""The translator as a host process: it looks for hot guest code (isa/interpreter/heat.py) and translates it.

Nobody waits for it, except where a machine is told to (`translator="sync"`): if it is stopped, killed or behind, guests
run on, interpreted.  So it takes no lock and holds no reference: what it reads of page tables and code may be out of
date, and is checked again when a region is published (shm/regions.py) and each time that one is entered (its guards).
"""

import functools
import gc
import traceback

import numpy as np

from ..errors import say
from ..isa.interpreter.heat import ANSWERED, HOT
from ..isa.translator.regions import Page
from ..isa.translator.translator import Translator
from ..kernel.ipi import ASLEEP, INTERRUPTED, begin_park, end_park, take_pending
from ..limits import IPI_STOP, PAGE_SHIFT, TRANSLATOR
from ..shm.regions import TRANSLATE_SYNC
from ..shm.segment import Window
from .mail import Mail
from .prepare import keep_off_cpus

_LEVELS = 3  # of an Sv39 page table
_VALID, _EXECUTE, _LEAF = 1, 8, 14
_PPN_SHIFT = 10
WARM = 3  # samples of a place to which an indirect jump is thought to go
SYNC_NS = 200_000  # between two looks while CPUs wait


def main(config, descriptors):
    """Entry of the translator's process."""
    window = Window(config["address"], config["memory_bytes"], [d.detach() for d in descriptors])
    mail = Mail(config["directory"], TRANSLATOR, window.machine)
    try:
        keep_off_cpus(config["cpus"], config["pin"])
        gc.freeze()
        _serve(window, mail)
    except Exception:
        traceback.print_exc()
        say("emu: the translator has ended; guests are interpreted from here on")
        window.machine["translating"] = 0
    finally:
        mail.close()


def _serve(window, mail):
    base, m = window.address, window.machine
    translator = None
    waits_ns = SYNC_NS if m["translating"] == TRANSLATE_SYNC else 0
    while not take_pending(base, TRANSLATOR) & IPI_STOP and not m["failed"]:
        hot = _hottest(m)
        if hot is not None:
            translator = translator or Translator(window)
            h = m["heat"][hot]
            pc, task = int(h["pc"]), int(h["task"])
            import os,time;t0=time.time();n=int(h["count"])
            r=translator.translate(pc, functools.partial(code_page, window, task), hot_places(m, task))
            if os.environ.get("TRLOG"): print(hex(pc),n,r,round(time.time()-t0,4),translator.figures,file=open(os.environ["TRLOG"],"a"))
            h["count"] = ANSWERED
        elif waits_ns:
            mail.sleep_for(waits_ns)
        else:
            _sleep(base, mail)


def _hottest(m):
    """The place that has most samples, of those that have enough; None where none has."""
    counts = m["heat"]["count"]
    hottest = int(np.argmax(counts))
    return hottest if counts[hottest] >= HOT else None


def hot_places(m, task):
    """{guest address: whether it is reached by indirect jumps} of a task's places that were ever hot, hottest first."""
    heat = m["heat"]
    found = heat[(heat["task"] == task) & ((heat["count"] >= WARM) | (heat["count"] < 0))]
    order = np.argsort(-np.abs(found["count"]))
    return {int(each["pc"]): bool(each["far"]) for each in found[order]}


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
        if not entry & _VALID:
            return None
        table = entry >> _PPN_SHIFT & 0xFFFFFFFFFFF
        if entry & _LEAF:
            break
    if not entry & _EXECUTE or not 0 <= table < frames or level:
        return None
    return Page(table, window.memory(table), window.decoded(table))
