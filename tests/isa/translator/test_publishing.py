"""When a region may be entered: its code has not changed since it was read, nor may it have changed since."""

import pytest

from emu.isa.encode import assemble, encode
from emu.isa.table import OP_REGION
from emu.isa.translator import translator
from emu.isa.translator.region_code import RegionCode
from emu.isa.translator.regions import form
from emu.isa.translator.translator import publish
from emu.limits import ARENA_BYTES, MAX_REGIONS, PAGE_SIZE
from emu.shm.exits import EXIT_ECALL
from emu.shm.layout.memory import FRAME_CODE, FRAME_REFERENCES_SHIFT, FRAME_TRANSLATED
from emu.shm.regions import mark_translated
from tests.isa.harness import BASE

LOOP = [encode("addi", 6, 6, 1), encode("addi", 5, 5, -1), encode("bne", 5, 0, -8), encode("ecall")]


@pytest.fixture
def hot(translating):
    """A loop that was interpreted."""
    translating.load(BASE, *LOOP)
    translating.bare.x[5] = 10
    translating.bare.run(pc=BASE)
    translating.hold()
    return translating


def half_done(translating):
    """(number, region): everything before `check`."""
    region = form(BASE, translating.fetch)
    made = translating.translator
    number = made.place(region, *made.compile(RegionCode(region, "region", careful=True).text()))
    return number, region


def turns(translating, count=10):
    bare = translating.bare
    bare.x[:] = 0
    bare.x[5] = count
    outcome = bare.run(pc=BASE)
    assert outcome.reason == EXIT_ECALL and outcome.retired == 3 * count + 1
    return outcome.x[6]


def test_a_region_is_published_where_nothing_has_changed(hot):
    number, region = half_done(hot)
    assert hot.translator.check(number, region)
    assert hot.m["frames"]["word"][0] & FRAME_TRANSLATED
    hot.translator.enter_at(number, region)
    assert hot.is_entry(BASE) and hot.translator.entered_at(BASE, hot.fetch) == number
    assert turns(hot) == 10


@pytest.mark.parametrize("offset", [0, 8, 2048], ids=["its entry", "its end", "elsewhere in the page"])
def test_a_change_between_reading_and_publishing_makes_the_region_dead(hot, offset):
    number, region = half_done(hot)
    hot.bare.memory[offset] ^= 1
    assert not hot.translator.check(number, region)
    assert hot.region(number)["code"] == 0
    hot.bare.memory[offset] ^= 1
    hot.translator.enter_at(number, region)  # as a word that an older region has left
    assert turns(hot) == 10 and not hot.is_entry(BASE), "the word is decoded anew"


def test_a_region_is_not_entered_before_its_bytes_were_read_again(hot):
    """An older arena had a region of this number here, and its word is left."""
    publish(hot.bare.window.decoded_address(0), OP_REGION)
    number, region = half_done(hot)
    assert number == 0
    hot.bare.memory[0:4] = list(assemble(encode("addi", 6, 6, 5)))
    assert turns(hot) == 50
    assert not hot.translator.check(number, region)
    assert turns(hot) == 50


def test_who_stores_between_mark_and_check_is_seen_by_the_check_or_kills_the_region(hot):
    """A store by the guest's own rules, at each step."""
    number, region = half_done(hot)
    hot.m["frames"]["word"][0] |= FRAME_TRANSLATED  # as mark_translated does
    hot.translator.enter_at(number, region)
    hot.load(BASE + 0x100, encode("sw", 7, 0, 10), encode("ecall"))
    bare = hot.bare
    bare.x[7], bare.x[10] = encode("addi", 6, 6, 5), BASE
    bare.run(pc=BASE + 0x100)
    assert hot.region(number)["code"] == 0
    assert not hot.translator.check(number, region), "it was dead, and stays so"
    assert hot.region(number)["code"] == 0
    assert turns(hot) == 50


def test_the_bytes_are_read_again_when_the_mark_is_there(hot, monkeypatch):
    """Who has stored just before it found none, and looks for no region."""

    def change_and_mark(address, frame):
        hot.bare.memory[4] ^= 1
        return mark_translated(address, frame)

    monkeypatch.setattr(translator, "mark_translated", change_and_mark)
    number, region = half_done(hot)
    assert not hot.translator.check(number, region)
    assert hot.region(number)["code"] == 0


@pytest.mark.parametrize("word", [0, FRAME_CODE, 1 << FRAME_REFERENCES_SHIFT], ids=["free", "nobody's", "no code"])
def test_a_frame_that_is_no_longer_code_of_somebody_makes_the_region_dead(hot, word):
    number, region = half_done(hot)
    hot.m["frames"]["word"][0] = word
    assert not hot.translator.check(number, region)
    assert hot.region(number)["code"] == 0


def test_no_word_is_put_where_one_was_cleared_meanwhile(hot):
    number, region = half_done(hot)
    hot.translator.check(number, region)
    hot.bare.window.decoded(0)[0] = 0
    hot.translator.enter_at(number, region)
    assert hot.word(BASE) == 0


def test_entered_at_knows_what_would_be_entered(hot):
    entered_at = hot.translator.entered_at
    assert entered_at(BASE, hot.fetch) is None
    assert hot.translate(BASE) and entered_at(BASE, hot.fetch) == 0
    assert entered_at(BASE + 4, hot.fetch) is None
    assert entered_at(BASE - PAGE_SIZE, hot.fetch) is None, "no page"
    hot.bare.window.decoded(0)[2] = OP_REGION  # of another entry
    assert entered_at(BASE + 4, hot.fetch) is None
    hot.region(0)["code"] = 0
    assert entered_at(BASE, hot.fetch) is None


@pytest.mark.parametrize("full", [("arena_used", ARENA_BYTES - 64), ("nr_regions", MAX_REGIONS)], ids=lambda f: f[0])
def test_where_there_is_no_room_the_region_is_given_up_and_room_made(hot, monkeypatch, full):
    asked = []
    monkeypatch.setattr(hot.translator, "make_room", lambda: asked.append(1))
    hot.m[full[0]] = full[1]
    assert not hot.translate(BASE) and asked == [1]
    assert hot.m[full[0]] == full[1] and not hot.is_entry(BASE)


# --- code that rewrites itself ------------------------------------------------------------------------------

STEP = encode("addi", 6, 6, 1)


def rewriting(fence):
    """A loop of 400 turns that adds 1 to the immediate of its own first instruction each time that it has run it."""
    return [
        STEP, encode("lw", 7, 0, 10), encode("lui", 8, 1 << 20), encode("and", 9, 5, 11), encode("bne", 9, 0, 12),
        encode("add", 7, 7, 8), encode("sw", 7, 0, 10), encode("fence.i") if fence else encode("addi", 0, 0, 0),
        encode("addi", 5, 5, -1), encode("bne", 5, 0, -36), encode("ecall"),
    ]  # fmt: skip


def ends(translating, fence, every, mode):
    """What a self-modifying program leaves, translated again after each stop."""
    bare = translating.bare
    translating.forget()
    translating.load(BASE, *rewriting(fence))
    bare.x[:] = 0
    bare.x[5], bare.x[10], bare.x[11] = 400, BASE, every - 1
    bare.thread["pc"] = BASE
    retired = made = 0
    while True:
        outcome = bare.run(budget=100 + retired % 13)
        retired += outcome.retired
        if outcome.reason == EXIT_ECALL:
            return outcome.x, outcome.pc, retired, made
        if mode:
            made += translating.translate(BASE)


@pytest.mark.parametrize("every", [2, 8, 64])
@pytest.mark.parametrize("fence", [True, False], ids=["fence.i", "no fence.i"])
def test_a_loop_that_rewrites_its_own_instruction(translating, fence, every):
    """With fence.i at once. Without, a region may go on until its next look at interrupts; never does it crash."""
    interpreted = ends(translating, fence, every, False)
    translated = ends(translating, fence, every, True)
    assert translated[3] > 4
    assert translated[1:3] == interpreted[1:3]
    if fence:
        assert translated[0] == interpreted[0]


def test_another_page_of_a_region_that_is_rewritten_makes_it_dead(translating):
    """The loop calls a function in the next page, which another function rewrites."""
    function, writer = BASE + PAGE_SIZE, BASE + 2 * PAGE_SIZE
    translating.load(
        BASE, encode("jal", 1, PAGE_SIZE), encode("addi", 5, 5, -1), encode("bne", 5, 0, -8), encode("ecall")
    )
    translating.load(function, STEP, encode("jalr", 0, 0, 1))
    translating.load(writer, encode("sw", 7, 0, 10), encode("fence.i"), encode("ecall"))
    bare = translating.bare
    for step in range(1, 20):
        bare.x[7], bare.x[10] = encode("addi", 6, 6, step), function
        bare.run(pc=writer)
        assert step == 1 or translating.region()["code"] == 0
        for _ in range(2):
            bare.x[:] = 0
            bare.x[5] = 10
            assert bare.run(pc=BASE).x[6] == 10 * step
        assert translating.translate(BASE)
        bare.x[5], bare.x[6] = 10, 0
        assert bare.run(pc=BASE).x[6] == 10 * step
