"""Regions that are known: they are loaded where the guest has their bytes, and nowhere else."""

import pytest

from emu.isa.encode import assemble, encode
from emu.isa.table import OP_REGION
from emu.isa.translator import known, store
from emu.isa.translator.known import Known
from emu.isa.translator.regions import Page
from emu.isa.translator.store import Store
from emu.isa.translator.translator import Translator
from emu.isa.words import OP_MASK
from emu.limits import ARENA_BYTES, MAX_REGIONS, PAGE_SIZE
from emu.shm.exits import EXIT_ECALL
from emu.shm.layout.memory import FRAME_CODE, FRAME_REFERENCES_SHIFT
from tests.isa.harness import BASE, FRAMES

TASK = 3
LOOP = [encode("addi", 6, 6, 1), encode("addi", 5, 5, -1), encode("bne", 5, 0, -8), encode("ecall")]
CALLING = [encode("jal", 1, PAGE_SIZE), encode("addi", 5, 5, -1), encode("bne", 5, 0, -8), encode("ecall")]
FUNCTION = [encode("addi", 6, 6, 1), encode("jalr", 0, 0, 1)]
NEXT = BASE + PAGE_SIZE


class Guest:
    """A machine with its translator, whose guest begins anew: nothing is decoded, no region is there."""

    def __init__(self, bare):
        self.bare, self.m = bare, bare.m
        bare.reset()
        for field in ("nr_regions", "arena_used", "regions_compiled", "regions_loaded"):
            self.m[field] = 0
        self.m["regions"]["code"][:16] = 0
        self.targets = {}
        self.translator = Translator(bare.window, self.reclaim, careful=True)
        self.known = Known(self.translator, Store(), self.targets)

    def reclaim(self):
        self.m["regions"]["code"][: int(self.m["nr_regions"])] = 0
        self.m["nr_regions"] = self.m["arena_used"] = 0
        self.known.forget()

    def fetch(self, page):
        frame = (page - BASE) >> 12
        if not 0 <= frame < FRAMES:
            return None
        window = self.bare.window
        return Page(frame, bytes(window.memory(frame)), window.decoded(frame).tolist())

    def load(self, address, *instructions):
        self.bare.load(address, assemble(*instructions))

    def run(self, count=10, pc=BASE):
        """What x6 is after a loop of so many turns, and how many instructions it took."""
        bare = self.bare
        bare.x[:] = 0
        bare.x[5] = count
        outcome = bare.run(pc=pc)
        assert outcome.reason == EXIT_ECALL
        words = self.m["frames"]["word"][:FRAMES]  # frames of code are held by somebody
        words[words & FRAME_CODE != 0] |= 1 << FRAME_REFERENCES_SHIFT
        return outcome.x[6], outcome.retired

    def heat(self, pc=BASE, targets=()):
        """What the translator does about a hot place."""
        if not self.known.enter(pc, self.fetch, TASK):
            self.translator.translate(pc, self.fetch, TASK, targets)

    def figures(self):
        """(regions compiled, loaded)"""
        return int(self.m["regions_compiled"]), int(self.m["regions_loaded"])

    def word(self, pc):
        return int(self.bare.window.decoded((pc - BASE) >> 12)[(pc & (PAGE_SIZE - 1)) >> 1])

    def is_entry(self, pc):
        word = self.word(pc)
        return word & OP_MASK == OP_REGION and self.m["regions"][word >> 32]["code"] > 0


@pytest.fixture
def begin(machine, monkeypatch, tmp_path):
    """`begin()` is a fresh Guest; all of a test share what is on disk."""
    monkeypatch.setattr(store, "root", lambda: tmp_path / "translated")
    guests = []

    def begin_anew():
        guests.append(Guest(machine))
        return guests[-1]

    yield begin_anew
    for guest in guests:
        guest.translator.arena.close()
    machine.m["regions"]["code"][:64] = 0
    machine.m["nr_regions"] = machine.m["arena_used"] = 0


def first_run(begin, *parts, heats=(BASE,)):
    """A guest that was translated, whose regions were saved. `parts`: (address, instructions)."""
    guest = begin()
    for address, instructions in parts:
        guest.load(address, *instructions)
    guest.run()
    for pc in heats:
        guest.heat(pc)
    assert guest.figures() == (len(heats), 0)
    guest.known.save(at_once=True)
    return guest


def second_run(begin, *parts):
    guest = begin()
    for address, instructions in parts:
        guest.load(address, *instructions)
    return guest


def test_a_second_run_loads_and_compiles_nothing(begin):
    interpreted = first_run(begin, (BASE, LOOP)).run(1000)
    guest = second_run(begin, (BASE, LOOP))
    guest.run()
    guest.heat()
    assert guest.figures() == (0, 1) and guest.is_entry(BASE)
    assert guest.run(1000) == interpreted == (1000, 3001)


def test_what_was_not_saved_is_compiled_again(begin):
    guest = begin()
    guest.load(BASE, *LOOP)
    guest.run()
    guest.heat()
    again = second_run(begin, (BASE, LOOP))
    again.run()
    again.heat()
    assert again.figures() == (1, 0)


@pytest.mark.parametrize("offset", [0, 4, 8, 12, 2048], ids=["entry", "middle", "branch", "behind", "far behind"])
def test_another_program_at_the_same_addresses_finds_nothing(begin, offset):
    first_run(begin, (BASE, LOOP))
    guest = second_run(begin, (BASE, LOOP))
    guest.run()
    guest.bare.memory[offset + 2] ^= 0x10
    guest.known.enter(BASE, guest.fetch, TASK)
    assert guest.figures() == (0, 0) and guest.m["nr_regions"] == 0


def test_another_page_of_a_region_is_compared_too(begin):
    """The entry's page is the same, and the function that is called in the next page is not."""
    first_run(begin, (BASE, CALLING), (NEXT, FUNCTION))
    guest = second_run(begin, (BASE, CALLING), (NEXT, [encode("addi", 6, 6, 7), FUNCTION[1]]))
    assert guest.run() == (70, 51)
    guest.heat()
    assert guest.figures() == (1, 0)
    assert guest.run(100)[0] == 700
    guest.known.save(at_once=True)
    third = second_run(begin, (BASE, CALLING), (NEXT, [encode("addi", 6, 6, 7), FUNCTION[1]]))
    third.run()
    third.heat()
    assert third.figures() == (0, 1) and third.run(100)[0] == 700, "the newer one is kept"


def test_what_else_is_on_another_page_of_a_region_may_differ(begin):
    """A page with data beside code."""
    first_run(begin, (BASE, CALLING), (NEXT, FUNCTION))
    guest = second_run(begin, (BASE, CALLING), (NEXT, FUNCTION), (NEXT + 64, [7, 8, 9]))
    guest.run()
    guest.heat()
    assert guest.figures() == (0, 1) and guest.run(100)[0] == 100


def test_bytes_that_change_before_the_page_is_marked_make_the_region_dead(begin):
    first_run(begin, (BASE, LOOP))
    guest = second_run(begin, (BASE, LOOP))
    guest.run()
    before = guest.fetch(BASE)
    guest.load(BASE, encode("addi", 6, 6, 5), *LOOP[1:])
    assert not guest.known.enter(BASE, lambda page: before, TASK)
    assert guest.figures() == (0, 0) and guest.m["regions"][0]["code"] == 0 and not guest.is_entry(BASE)
    assert guest.run()[0] == 50


def test_a_store_to_its_page_makes_a_loaded_region_dead(begin):
    writer = NEXT + PAGE_SIZE
    writing = [encode("sw", 7, 0, 10), encode("fence.i"), encode("ecall")]
    first_run(begin, (BASE, CALLING), (NEXT, FUNCTION))
    guest = second_run(begin, (BASE, CALLING), (NEXT, FUNCTION), (writer, writing))
    guest.run()
    guest.heat()
    assert guest.is_entry(BASE)
    guest.bare.x[7], guest.bare.x[10] = encode("addi", 6, 6, 3), NEXT
    guest.bare.run(pc=writer)
    assert guest.m["regions"][0]["code"] == 0 and guest.run()[0] == 30


def test_all_that_is_known_of_a_page_comes_with_its_first_hot_place(begin):
    other = BASE + 256
    guest = begin()
    guest.load(BASE, *LOOP)
    guest.load(other, *LOOP)
    guest.run(pc=BASE)
    guest.run(pc=other)
    guest.heat(BASE)
    guest.heat(other)
    assert guest.figures() == (2, 0)
    guest.known.save(at_once=True)
    again = second_run(begin, (BASE, LOOP), (other, LOOP))
    again.run(pc=other)
    again.heat(other)
    assert again.figures() == (0, 2) and again.is_entry(BASE), "though nobody has executed, or decoded, what is there"
    assert again.run(20, pc=BASE) == (20, 61)


def test_pages_that_were_hot_together_are_loaded_together(begin):
    """Also those that a third one links."""
    places = [BASE + n * PAGE_SIZE for n in range(3)]
    guest = begin()
    for pc in places:
        guest.load(pc, *LOOP)
    for pc in places:
        guest.run(pc=pc)
    for pc in places:
        guest.heat(pc)
    guest.known.save(at_once=True)
    for hot in places:
        again = second_run(begin, *((pc, LOOP) for pc in places))
        for pc in places:
            again.run(pc=pc)
        again.heat(hot)
        assert again.figures() == (0, 3) and all(map(again.is_entry, places))


def test_a_region_waits_for_pages_that_nobody_has_executed_yet(begin):
    places = BASE, NEXT
    guest = begin()
    for pc in places:
        guest.load(pc, *LOOP)
    for pc in places:
        guest.run(pc=pc)
    for pc in places:
        guest.heat(pc)
    guest.known.save(at_once=True)
    again = second_run(begin, (BASE, LOOP), (NEXT, LOOP))
    again.run(pc=BASE)
    again.heat(BASE)
    assert again.figures() == (0, 1) and not again.is_entry(NEXT)
    again.run(pc=NEXT)
    again.heat(BASE)
    assert again.figures()[0] == 0 and again.is_entry(NEXT)


def test_the_targets_of_indirect_jumps_are_known_again(begin):
    jump = [encode("addi", 5, 5, -1), encode("beq", 5, 0, 8), encode("jalr", 0, 0, 9), encode("ecall")]
    guest = begin()
    guest.load(BASE, *jump)
    guest.bare.x[5], guest.bare.x[9] = 5, BASE
    guest.bare.run(pc=BASE)
    guest.run(1)
    guest.heat(BASE, targets=(BASE, BASE + 12))
    guest.known.save(at_once=True)
    again = second_run(begin, (BASE, jump))
    again.run(1)
    again.heat()
    assert again.figures() == (0, 1) and again.targets == {(TASK, BASE): {BASE: None, BASE + 12: None}}


def test_after_all_regions_were_dropped_they_are_loaded_again(begin):
    guest = first_run(begin, (BASE, LOOP))
    guest.reclaim()
    guest.heat()
    assert guest.figures() == (1, 1) and guest.is_entry(BASE)


@pytest.mark.parametrize("field, full", [("nr_regions", MAX_REGIONS // 2), ("arena_used", ARENA_BYTES // 2)])
def test_where_room_is_short_only_what_is_hot_is_loaded(begin, field, full):
    other = BASE + 256
    guest = begin()
    guest.load(BASE, *LOOP)
    guest.load(other, *LOOP)
    guest.run(pc=BASE)
    guest.run(pc=other)
    guest.heat(BASE)
    guest.heat(other)
    guest.known.save(at_once=True)
    again = second_run(begin, (BASE, LOOP), (other, LOOP))
    again.run(pc=other)
    again.m[field] = full
    again.heat(other)
    assert again.figures() == (0, 1) and again.is_entry(other)


@pytest.mark.parametrize("field, full", [("nr_regions", MAX_REGIONS), ("arena_used", ARENA_BYTES - 64)])
def test_where_there_is_no_room_all_begins_anew(begin, field, full):
    first_run(begin, (BASE, LOOP))
    guest = second_run(begin, (BASE, LOOP))
    guest.run()
    guest.m[field] = full
    guest.heat()
    guest.heat()
    assert guest.figures()[0] == 0 and guest.is_entry(BASE)


@pytest.mark.parametrize("bound", ["MEMORY_BYTES", "MEMORY_PACKS"])
def test_what_is_kept_in_memory_has_a_bound(begin, monkeypatch, bound):
    """A guest may make code for ever; what was known is on disk by then."""
    guest = first_run(begin, (BASE, LOOP))
    monkeypatch.setattr(known, bound, 0)
    guest.reclaim()
    guest.heat()
    assert guest.figures() == (1, 1), "read from disk, or from memory, and right"
    for n in range(20):
        guest.load(BASE, encode("addi", 7, 7, n), *LOOP)
        guest.run()
        guest.heat()
        assert len(guest.known._packs) <= 2 and guest.known._bytes <= 10_000


def test_packs_are_saved_now_and_then(begin, monkeypatch):
    saved = []
    guest = first_run(begin, (BASE, LOOP))
    monkeypatch.setattr(Store, "save", lambda self, name, pack: saved.append(name))
    guest.load(BASE + 256, *LOOP)
    guest.run(pc=BASE + 256)
    guest.heat(BASE + 256)
    guest.known._saved_s += 1000
    guest.known.save()
    assert saved == []
    guest.known._saved_s -= 2000
    guest.known.save()
    guest.known.save(at_once=True)
    assert len(saved) == 1, "once, since nothing has changed after it"
