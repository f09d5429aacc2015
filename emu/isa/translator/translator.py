"""The translator: from a hot place in a guest's code to a region that all CPUs may enter.

    translator = Translator(window)
    translator.translate(pc, fetch)     True where a region is there now

`fetch(page)` gives the Page at a guest address (regions.py), or None; it need not be so any more when it is used.  The
order of steps, and why nothing stale is ever entered: shm/regions.py.  One translator a machine.
"""

import time

from ...hot import entry, hot
from ...limits import ARENA_BYTES, ARENA_OFFSET, MAX_REGIONS, PAGE_SIZE
from ...shm.memory import compare_exchange_64, get
from ...shm.regions import admit, mark_translated
from ..table import OP_REGION
from ..words import IMM_SHIFT, OP_MASK
from .machine_code import Compiler
from .region_code import RegionCode
from .regions import form

_ALIGN = 64


@hot
def _replace(address, word):
    old = get(address)
    return old != 0 and compare_exchange_64(address, old, word)


@entry(2)
def publish(address, word):
    """Put an entry of a region in the place of a decoded word. 0 where that has been cleared meanwhile."""
    return int(_replace(address, word))


class Translator:
    def __init__(self, window, make_room=None, careful=False):
        self.window, self.machine, self.careful = window, window.machine, careful
        self.make_room = make_room or (lambda: None)
        self.on_made = lambda region, targets, *made: None  # known.py keeps it for later runs
        self.arena = window.arena()
        self.compile = Compiler().compile  # may be wrapped, to do other things meanwhile

    def entered_at(self, pc, fetch):
        """The number of the region that has an entry at a guest address, None where there is none."""
        page = fetch(pc & -PAGE_SIZE)
        word = int(page.words[(pc & (PAGE_SIZE - 1)) >> 1]) if page else 0
        region = self.machine["regions"][word >> IMM_SHIFT & (MAX_REGIONS - 1)]
        if word & OP_MASK != OP_REGION or region["code"] <= 0 or region["entry"] != pc:
            return None
        return word >> IMM_SHIFT

    def translate(self, pc, fetch, task=0, targets=()):
        """Translate what begins at a guest address, with the places to which its indirect jumps go, for a task.

        False where nothing can be translated, or the code changes just now.
        """
        began = time.process_time_ns()
        region = form(pc, fetch, targets)
        if region is None:
            return False
        region.task = task
        code, fixups, count = self.compile(RegionCode(region, "region", self.careful).text())
        self.on_made(region, targets, code, fixups, count)  # also where the guest has ended meanwhile
        number = self.place(region, code, fixups, count)
        if number is None or not self.check(number, region):
            return False
        self.enter_at(number, region)
        m = self.machine
        m["regions_compiled"] += 1
        m["guest_instructions"] += region.size
        m["translating_ns"] += time.process_time_ns() - began
        return True

    def place(self, region, code, fixups, count):
        """Put code into the arena and its record into the table; the region's number, None where there is no room.

        Where there is none, `make_room` is called, which may take back all that there is; the region is given up.
        """
        m = self.machine
        number, at = int(m["nr_regions"]), -(-int(m["arena_used"]) // _ALIGN) * _ALIGN
        if number == MAX_REGIONS or at + len(code) > ARENA_BYTES:
            self.make_room()
            return None
        self.arena[at : at + len(code)] = code
        m["arena_used"] = at + len(code)
        record = m["regions"][number]
        record["nr_pages"] = len(region.pages)
        for k, page in enumerate(region.pages.values()):
            record["decoded"][k] = self.window.decoded_address(page.frame)
        record["entry"], record["task"] = region.entry, region.task
        record["strayed"], record["targets"] = 0, 0
        place = self.window.address + ARENA_OFFSET + at
        record["place"], record["fixups"], record["nr_fixups"] = place, place + fixups, count
        m["nr_regions"] = number + 1
        record["code"] = -place  # not to be entered until it is checked
        return number

    def check(self, number, region):
        """Admit a region whose guest code is still what was translated; otherwise it is dead."""
        pages = region.pages.values()
        marked = [mark_translated(self.window.address, page.frame) for page in pages]
        if all(marked) and all(bytes(self.window.memory(page.frame)) == page.data for page in pages):
            return bool(admit(self.window.address, number))
        self.machine["regions"][number]["code"] = 0
        return False

    def enter_at(self, number, region):
        """Publish the region's entry."""
        page = region.pages[region.entry & -PAGE_SIZE]
        ip = self.window.decoded_address(page.frame) + (region.entry & (PAGE_SIZE - 1)) * 4
        publish(ip, OP_REGION | number << IMM_SHIFT)
