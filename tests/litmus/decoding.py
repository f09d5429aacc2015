"""A CPU that decodes an instruction while another rewrites it: the cache keeps nothing that the bytes do not say."""

from emu.hot import entry, hot
from emu.isa.decode import decode_in_place
from emu.isa.interpreter.fetch import decode_at
from emu.kernel.sched.randomness import random_below
from emu.shm.atomics import fetch_and, fetch_or, load_relaxed
from emu.shm.decoded import FRAME_CODE, invalidate
from emu.shm.layout import decoded_address, frame_address, machine_at
from emu.shm.memory import load_64, load_u16, store_32, store_64
from emu.testing.crew import (
    LINE,
    OWN,
    RESERVED_FRAMES,
    dawdle,
    get_word,
    meet,
    over,
    prepare_slow_stores,
    result,
    set_word,
    shown,
    slow_store,
    spin,
    violation,
)

ROUND, WROTE, SHOWN = (OWN + k * LINE for k in range(3))
SEEN = 200  # of the control's violations; then the test has looked well enough (waking.py)
FRAME = RESERVED_FRAMES + 8
FIRST, SECOND = 0x00150513, 0x00250513  # addi a0, a0, 1 and 2
BELIEVED, UNFENCED, IN_TURN = range(3)


@hot
def _bits(number):
    return FIRST if number % 2 == 0 else SECOND


@hot
def _decode_badly(code, host, how):
    """Control: `decode_at` that believes the bytes it read, or reads them again without a fence before."""
    bits = load_u16(host) | load_u16(host + 2) << 16
    store_64(code, decode_in_place(bits, 0))
    if how == UNFENCED:
        again = load_u16(host) | load_u16(host + 2) << 16
        if again != bits:
            store_64(code, decode_in_place(again, 0))


@entry(5)
def decoder(address, me, workers, count, how):
    m = machine_at(address)
    code, host = decoded_address(m, FRAME), frame_address(m, FRAME)
    fetch_or(m.frames[FRAME], "word", FRAME_CODE)
    prepare_slow_stores(m)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        set_word(m, ROUND, done)
        dawdle(random_below(m, me, 8))
        if done % 8 < 4:
            slow_store(m, done)
        real = how == IN_TURN and done % 4 < 2  # of both instructions
        if real:
            decode_at(address, code, 0)
        else:
            _decode_badly(code, host, BELIEVED if how == BELIEVED else UNFENCED)
        spins = 0
        while get_word(m, WROTE) != done and not over(m):
            spins = spin(spins)
        word = load_64(code)
        if word != 0 and word != decode_in_place(_bits(done), 0) and get_word(m, WROTE) == done:
            if real or how != IN_TURN:
                violation(m)
            else:
                shown(m, SHOWN, SEEN)
    return 0


@entry(5)
def writer(address, me, workers, count, how):
    m = machine_at(address)
    code, host = decoded_address(m, FRAME), frame_address(m, FRAME)
    prepare_slow_stores(m)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        while get_word(m, ROUND) != done and not over(m):
            load_64(code)  # has the line, so that the decoder's store takes its time
        dawdle(random_below(m, me, 8))
        if done % 8 >= 4:
            slow_store(m, done)
        store_32(host, _bits(done))
        invalidate(m, host, 4)
        set_word(m, WROTE, done)
    return 0


# --- the first fetch from a frame, and a store of who answers no shoot-downs --------------------------------


@hot
def _invalidate_unfenced(m, code):
    """Control: the mark is looked at while the bytes may still be on their way."""
    if load_relaxed(m.frames[FRAME], "word") & FRAME_CODE != 0:
        store_64(code, 0)


@entry(4)
def first_fetcher(address, me, workers, count):
    """In each round it marks the frame as one with code, and decodes."""
    m = machine_at(address)
    code = decoded_address(m, FRAME)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        fetch_and(m.frames[FRAME], "word", ~FRAME_CODE)
        store_64(code, 0)
        set_word(m, ROUND, done)
        dawdle(random_below(m, me, 16))
        fetch_or(m.frames[FRAME], "word", FRAME_CODE)
        decode_at(address, code, 0)
        spins = 0
        while get_word(m, WROTE) != done and not over(m):
            spins = spin(spins)
        word = load_64(code)
        if word != 0 and word != decode_in_place(_bits(done), 0) and get_word(m, WROTE) == done:
            if _fenced(done):
                violation(m)
            else:
                shown(m, SHOWN, SEEN)
    return 0


@hot
def _fenced(number):
    return number % 4 < 2  # of both instructions


@entry(4)
def first_writer(address, me, workers, count):
    m = machine_at(address)
    code, host = decoded_address(m, FRAME), frame_address(m, FRAME)
    prepare_slow_stores(m)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        spins = 0
        while get_word(m, ROUND) != done and not over(m):
            spins = spin(spins)
        load_relaxed(m.frames[FRAME], "word")  # has the line: the look is over before the stores are
        slow_store(m, done)
        store_32(host, _bits(done))
        if _fenced(done):
            invalidate(m, host, 4)
        else:
            _invalidate_unfenced(m, code)
        set_word(m, WROTE, done)
    return 0
