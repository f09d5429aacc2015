"""Which accesses of a schedule race (emu/explore/happens_before.py).

Each claim has a control that differs in one thing.
"""

from emu.explore.happens_before import ATOMIC, READ, WRITE, Access, Races, access_of, does_between

DATA, FLAG = 0x1000, 0x2000
LW, SW, ADDI = 0x0005A503, 0x00A5A023, 0x00150513
AMOADD, LR = 0x00B5252F, 0x1005252F
FENCE_R_RW, FENCE_RW_W = 0x0230000F, 0x0310000F
C_LW, C_SD, C_LI = 0x4188, 0xE188, 0x4501


def races(*events):
    """Play events: ("create", parent, child), or (thread, address, size, what it does)."""
    found = Races()
    for number, event in enumerate(events):
        if event[0] == "create":
            found.create(*event[1:])
        else:
            thread, at, size, does = event
            found.access(Access(thread, number, at, size, does))
    return [(earlier.pc, later.pc) for earlier, later in found.found]


def test_two_writes_without_an_order_race_and_two_reads_do_not():
    assert races((1, DATA, 4, WRITE), (2, DATA, 4, WRITE)) == [(0, 1)]
    assert races((1, DATA, 4, READ), (2, DATA, 4, READ)) == []


def test_a_write_races_with_an_earlier_read():
    assert races((1, DATA, 4, READ), (2, DATA, 4, WRITE)) == [(0, 1)]
    assert races((1, DATA, 4, READ), (1, DATA, 4, WRITE)) == []


def test_neighbours_in_one_word_do_not_race():
    assert races((1, DATA, 1, WRITE), (2, DATA + 1, 1, WRITE)) == []
    assert races((1, DATA, 2, WRITE), (2, DATA + 1, 1, WRITE)) == [(0, 1)]


def test_what_a_thread_did_before_it_made_another_is_ordered_and_what_it_does_later_is_not():
    assert races((1, DATA, 4, WRITE), ("create", 1, 2), (2, DATA, 4, WRITE)) == []
    assert races(("create", 1, 2), (1, DATA, 4, WRITE), (2, DATA, 4, WRITE)) == [(1, 2)]


def test_a_release_and_the_acquire_of_its_word_pass_a_message_on_and_relaxed_accesses_do_not():
    release, acquire = does_between(FENCE_RW_W, SW, ADDI), does_between(ADDI, LW, FENCE_R_RW)
    send, receive = (1, DATA, 4, WRITE), (2, DATA, 4, READ)
    assert races(send, (1, FLAG, 4, release), (2, FLAG, 4, acquire), receive) == []
    assert (0, 3) in races(send, (1, FLAG, 4, does_between(ADDI, SW, ADDI)), (2, FLAG, 4, acquire), receive)
    assert (0, 3) in races(send, (1, FLAG, 4, release), (2, FLAG, 4, does_between(ADDI, LW, ADDI)), receive)


def test_an_atomic_orders_what_comes_before_it_and_not_what_comes_after():
    amo = does_between(ADDI, AMOADD, ADDI)
    assert races((1, DATA, 4, WRITE), (1, FLAG, 4, amo), (2, FLAG, 4, amo), (2, DATA, 4, WRITE)) == []
    assert races((1, FLAG, 4, amo), (1, DATA, 4, WRITE), (2, FLAG, 4, amo), (2, DATA, 4, WRITE)) == [(1, 3)]


def test_an_instructions_word_says_what_it_does_and_to_how_many_bytes():
    words = (LW, SW, AMOADD, LR, C_LW, C_SD, ADDI, C_LI)
    assert [access_of(word) for word in words] == [
        (READ, 4), (WRITE, 4), (READ | WRITE | ATOMIC, 4), (READ | ATOMIC, 4), (READ, 4), (WRITE, 8), (0, 0), (0, 0),
    ]  # fmt: skip
