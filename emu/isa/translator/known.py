"""Regions that are known already, from earlier runs (store.py) or other tasks: they are loaded, not compiled again.

    known = Known(translator, store, targets)
    known.enter(pc, fetch, task)   a place is hot: load what is known there; whether a region is entered there now
    known.save()                   keep what was translated since, for later runs
    known.forget()                 all regions are dead

When a place becomes hot, all regions that are known of its page are loaded, and those of the pages that the same task
has used with it in earlier runs (Pack.links).  So a program that has run before is hot after its first request.

Always: a region is entered only where the guest has exactly the bytes that it was made from.  A Kept has those bytes;
they are compared with a copy of each page, and then the page with that copy, after it was marked, as for a region that
was just compiled (Translator.check, shm/regions.py).  So what is on disk may be of any age.

The entry of such a region is published also where nobody has decoded its instruction yet.  Where the bytes change just
then, the region is dead, and who meets the entry decodes them (shm/regions.py).

A region one of whose pages the task has not executed yet cannot be marked.  It waits, and is tried again at the next
request.
"""

import time
from dataclasses import dataclass

from ...hot import entry
from ...limits import ARENA_BYTES, MAX_REGIONS, MIB, PAGE_SIZE
from ...shm.layout.memory import FRAME_CODE
from ...shm.spinlock import store_release_at
from ..table import OP_REGION
from ..words import IMM_SHIFT
from .store import PACK_LINKS, Kept

WAITING = 1024  # regions at most that wait for their pages
MEMORY_BYTES, MEMORY_PACKS = 64 * MIB, 4096  # then what is known is read anew from disk
SAVE_S = 1.0  # between two times when packs are saved
_LOADED, _WAITS, _DIFFERS = range(3)


@dataclass
class _Region:
    """A region as Translator.place and check need it."""

    entry: int
    pages: dict
    size: int
    task: int


@entry(2)
def publish_known(address, word):
    """Put an entry of a region in the place of a decoded word, or of none."""
    store_release_at(address, word)  # behind the region's record; pairs with the acquire load of REGION.code
    return 0


class Known:
    def __init__(self, translator, store, targets):
        """`targets`: {(task, entry): {address: None}}, of regions' indirect jumps; those that are loaded are added."""
        self._translator, self._store, self._targets = translator, store, targets
        self._packs, self._bytes = {}, 0  # name -> Pack; of their regions
        self._changed = set()  # names of packs that have to be saved
        self._offered = set()  # (frame, name) of pages whose regions were loaded
        self._waiting = {}  # (task, entry) -> Kept
        self._trails = {}  # task -> {page's address: name of its pack}, in the order in which they became hot
        self._answered = set()  # entries of the regions that the present request has loaded
        self._saved_s = time.monotonic()
        translator.on_made = self._keep

    def enter(self, pc, fetch, task):
        """Load what is known where a guest is hot; whether a region is entered there now."""
        self._bound_memory()
        self._answered.clear()
        pages = {}

        def fetch_once(address):
            if address not in pages:
                pages[address] = fetch(address)
            return pages[address]

        pack = self._pack_at(pc & -PAGE_SIZE, fetch_once, task)
        if pack is None:
            return False
        if pc in pack.regions:  # first, in case there is no room for all
            self._load(pack.regions[pc], fetch_once, task)
        for waiting, kept in list(self._waiting.items()):
            if waiting[0] == task:
                del self._waiting[waiting]
                self._offer(kept, fetch_once, task)
        self._load_linked(pc & -PAGE_SIZE, fetch_once, task)
        return pc in self._answered

    def save(self, at_once=False):
        """Keep what was translated; not more often than each SAVE_S, unless at once."""
        now = time.monotonic()
        if not self._changed or not at_once and now - self._saved_s < SAVE_S:
            return
        for name in self._changed:
            if self._packs[name].regions:
                self._store.save(name, self._packs[name])
        self._changed.clear()
        self._saved_s = time.monotonic()

    def forget(self):
        """All regions are dead: those that are hot still are loaded again, each when it is asked for."""
        self._offered.clear()
        self._waiting.clear()
        self._trails.clear()

    def _bound_memory(self):
        """A guest may make code for ever; and what nobody can save is forgotten."""
        if self._bytes > MEMORY_BYTES or len(self._packs) > MEMORY_PACKS or len(self._offered) > MEMORY_PACKS:
            self.save(at_once=True)
            self._packs.clear()
            self._offered.clear()
            self._bytes = 0

    # --- packs -----------------------------------------------------------------------------

    def _name_at(self, address, page):
        return self._store.name_of(address, page.data, self._translator.careful)

    def _pack(self, name):
        if name not in self._packs:
            self._packs[name] = pack = self._store.load(name)
            self._bytes += sum(kept.size_bytes for kept in pack.regions.values())
        return self._packs[name]

    def _pack_at(self, address, fetch, task):
        """The Pack of a page on which a task is hot, None where it may not execute; its links are kept."""
        page = fetch(address)
        if page is None:
            return None
        name = self._name_at(address, page)
        trail = self._trails.setdefault(task, {})
        if trail.get(address) != name and len(trail) < PACK_LINKS:
            if trail:
                for other in {next(iter(trail)), next(reversed(trail))} - {address}:
                    self._link(name, other)
                    self._link(trail[other], address)
            trail[address] = name
        return self._pack(name)

    def _link(self, name, address):
        links = self._pack(name).links
        if address not in links:
            links.add(address)
            self._changed.add(name)

    def _keep(self, region, targets, code, fixups, nr_fixups):
        """A region was compiled."""
        address = region.entry & -PAGE_SIZE
        pack = self._pack_at(address, region.pages.get, region.task)
        kept = Kept(region.entry, tuple(targets), region.size, _parts(region), code, fixups, nr_fixups)
        pack.regions[region.entry] = kept
        self._bytes += kept.size_bytes
        self._changed.add(self._name_at(address, region.pages[address]))

    # --- loading ---------------------------------------------------------------------------

    def _has_room(self):
        """Whether to load what nobody has asked for yet."""
        m = self._translator.machine
        return int(m["nr_regions"]) < MAX_REGIONS // 2 and int(m["arena_used"]) < ARENA_BYTES // 2

    def _load_linked(self, address, fetch, task):
        """Load all that is known of a page, and of those that were used together with it, where these were not yet."""
        waiting, seen = [address], {address}
        while waiting and self._has_room() and self._bytes <= MEMORY_BYTES:
            address = waiting.pop(0)
            page = fetch(address)
            if page is None:
                continue
            name = self._name_at(address, page)
            if (page.frame, name) in self._offered:
                continue
            self._offered.add((page.frame, name))
            pack = self._pack(name)
            for kept in list(pack.regions.values()):
                self._offer(kept, fetch, task)
            if len(seen) < PACK_LINKS:
                waiting += sorted(pack.links - seen)
                seen |= pack.links

    def _offer(self, kept, fetch, task):
        """Load a region that nobody has asked for, now or when its pages are there."""
        if kept.entry in self._answered or not self._has_room():
            return
        if self._translator.entered_at(kept.entry, fetch) is not None:
            return
        if self._load(kept, fetch, task) == _WAITS and len(self._waiting) < WAITING:
            self._waiting[task, kept.entry] = kept

    def _load(self, kept, fetch, task):
        translator, pages = self._translator, {}
        m = translator.machine
        for address, data in kept.parts:
            page = fetch(address & -PAGE_SIZE)
            if page is None:
                return _WAITS
            offset = address & (PAGE_SIZE - 1)
            if page.data[offset : offset + len(data)] != data:
                return _DIFFERS
            pages[address & -PAGE_SIZE] = page
        if not all(int(m["frames"][page.frame]["word"]) & FRAME_CODE for page in pages.values()):
            return _WAITS
        region = _Region(kept.entry, pages, kept.size, task)
        number = translator.place(region, kept.code, kept.fixups, kept.nr_fixups)
        if number is None or not translator.check(number, region):
            return _DIFFERS
        words = translator.window.decoded_address(pages[kept.entry & -PAGE_SIZE].frame)
        publish_known(words + (kept.entry & (PAGE_SIZE - 1)) * 4, OP_REGION | number << IMM_SHIFT)
        self._answered.add(kept.entry)
        m["regions_loaded"] += 1
        if kept.targets:
            self._targets[task, kept.entry] = dict.fromkeys(kept.targets)
        return _LOADED


def _parts(region):
    """(guest address, bytes) of all instructions of a region, by address, none longer than a page."""
    parcels = {
        at: region.pages[at & -PAGE_SIZE].data[at & (PAGE_SIZE - 1) :][:2]
        for block in region.blocks.values()
        for each in block.instructions
        for at in range(each.pc, each.next, 2)
    }
    parts = []
    for at in sorted(parcels):
        if parts and parts[-1][0] + len(parts[-1][1]) == at and at & (PAGE_SIZE - 1):
            parts[-1][1].extend(parcels[at])
        else:
            parts.append((at, bytearray(parcels[at])))
    return tuple((at, bytes(data)) for at, data in parts)
