"""What the translator's process does about a hot place: it is loaded, left for later, translated, or left alone."""

import time
from types import SimpleNamespace

import pytest

from emu.actor import translator
from emu.actor.translator import Work
from emu.isa.encode import encode
from emu.isa.interpreter.heat import ANSWERED, HOT, WORTH
from emu.isa.translator import store
from emu.isa.translator.machine_code import LinkError
from emu.limits import PAGE_SIZE
from emu.shm.regions import TRANSLATE_ON, TRANSLATE_SYNC
from tests.isa.harness import BASE, FRAMES, Bare
from tests.isa.translator.translating import Translating

LOOP = [encode("addi", 6, 6, 1), encode("addi", 5, 5, -1), encode("bne", 5, 0, -8), encode("ecall")]
ANOTHER = BASE + 3 * PAGE_SIZE
PATIENCE_S = 60


class Played:
    """A Work whose machine has one guest with two loops, which were executed."""

    def __init__(self, bare, monkeypatch, mode):
        self.translating, self.m = Translating(bare), bare.m
        self.translating.forget()
        for field in ("regions_compiled", "regions_loaded"):
            self.m[field] = 0
        self.m["heat"] = 0
        self.m["translating"] = mode
        monkeypatch.setattr(translator, "code_page", lambda window, task, page: self.translating.fetch(page))
        self.work = Work(bare.window, SimpleNamespace(sleep_for=lambda ns: time.sleep(ns / 1e9)))
        self.work._translator.careful = True
        bare.reset()
        for pc in (BASE, ANOTHER):
            self.translating.load(pc, *LOOP)
        for pc in (BASE, ANOTHER):
            bare.x[5] = 3
            bare.run(pc=pc)
        self.translating.hold()
        self.m["heat"] = 0

    def warm(self, n, pc, count):
        """The n-th place has so many samples."""
        h = self.m["heat"][n]
        h["pc"], h["ip"], h["count"] = pc, 8 * pc, count

    def count(self, n):
        return int(self.m["heat"][n]["count"])

    def figures(self):
        """(regions compiled, loaded)"""
        return int(self.m["regions_compiled"]), int(self.m["regions_loaded"])

    def know(self, pc):
        """From now on the region of a place is known, and was forgotten by its machine."""
        self.work._translate(pc, self.translating.fetch, 0)
        assert self.translating.is_entry(pc)
        self.m["regions"]["code"][: int(self.m["nr_regions"])] = 0
        self.work.known.forget()
        for field in ("regions_compiled", "regions_loaded"):
            self.m[field] = 0


@pytest.fixture(scope="module")
def bare():
    made = Bare()
    yield made
    made.destroy()


@pytest.fixture
def play(bare, monkeypatch, tmp_path):
    monkeypatch.setattr(store, "root", lambda: tmp_path / "translated")
    made = []

    def begin(mode=TRANSLATE_ON):
        made.append(Played(bare, monkeypatch, mode))
        return made[-1]

    yield begin
    for each in made:
        each.translating.translator.arena.close()
        each.work._translator.arena.close()
        each.translating.forget()
        each.m["translating"] = each.m["heat"] = 0


def test_a_place_is_translated_when_it_is_worth_it_and_looked_at_once_before(play):
    played = play()
    played.warm(7, BASE, HOT)
    assert played.work.hottest() == 7
    played.work.on_heat(7)
    assert played.figures() == (0, 0) and played.count(7) == HOT  # it goes on being counted
    played.warm(7, BASE, WORTH - 1)
    assert played.work.hottest() is None
    played.warm(7, BASE, WORTH)
    assert played.work.hottest() == 7
    played.work.on_heat(7)
    assert played.figures() == (1, 0) and played.count(7) == ANSWERED


def test_where_cpus_wait_a_place_is_translated_at_once(play):
    played = play(TRANSLATE_SYNC)
    played.warm(7, BASE, HOT)
    played.work.on_heat(played.work.hottest())
    assert played.figures() == (1, 0)


def test_a_place_that_is_known_is_loaded_before_a_hotter_one_is_translated(play):
    played = play()
    played.know(BASE)
    played.warm(7, BASE, HOT)
    played.warm(8, ANOTHER, 10 * WORTH)
    played.work._unknown[8] = 8 * ANOTHER
    played.work.on_heat(played.work.hottest())
    assert played.figures() == (0, 1) and played.translating.is_entry(BASE)


def test_another_place_that_has_the_entry_is_looked_at(play):
    played = play()
    played.warm(7, BASE, HOT)
    played.work.on_heat(7)
    played.warm(7, ANOTHER, HOT)
    assert played.work.hottest() == 7


def test_what_is_known_is_loaded_while_llvm_works(play):
    played = play()
    played.know(BASE)
    compile = played.work._compile

    def slowly(text):
        """It ends when the other place is loaded."""
        played.warm(7, BASE, HOT)
        end = time.monotonic() + PATIENCE_S
        while played.figures()[1] == 0 and time.monotonic() < end:
            time.sleep(0.001)
        return compile(text)

    played.work._compile = slowly
    played.warm(8, ANOTHER, WORTH)
    played.work.on_heat(8)
    assert played.figures() == (1, 1) and played.translating.is_entry(BASE) and played.translating.is_entry(ANOTHER)


def test_what_was_translated_for_a_guest_that_has_ended_is_known_to_the_next(play):
    played = play()
    words = played.m["frames"]["word"][:FRAMES]
    held = words.copy()
    compile = played.work._compile

    def too_late(text):
        words[:] = 0  # nobody's frames
        return compile(text)

    played.work._compile = too_late
    played.warm(7, BASE, WORTH)
    played.work.on_heat(7)
    assert played.figures() == (0, 0) and not played.translating.is_entry(BASE)
    words[:] = held
    played.warm(7, BASE, HOT)
    played.work.on_heat(7)
    assert played.figures() == (0, 1) and played.translating.is_entry(BASE)


def test_code_that_cannot_be_linked_stays_interpreted(play):
    """So it is on a host whose processor lacks an instruction, for which LLVM then calls a function."""
    played = play()

    def refuse(text):
        raise LinkError("translated code refers to something outside")

    played.work._compile = refuse
    played.warm(7, BASE, WORTH)
    played.work.on_heat(7)
    assert played.figures() == (0, 0) and played.count(7) == ANSWERED
