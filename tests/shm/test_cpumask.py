"""Masks of CPUs against Python's sets and integers, at the borders of words above all."""

import random

import pytest

from emu.hot import entry
from emu.limits import CPU_WORDS, MAX_CPUS
from emu.shm.cpumask import (
    any_cpu,
    clear_cpu,
    has_all_cpus,
    has_cpu,
    load_mask,
    mask_above,
    mask_all,
    mask_and,
    mask_count,
    mask_first,
    mask_has,
    mask_is_empty,
    mask_minus,
    mask_none,
    mask_of,
    mask_or,
    mask_word,
    set_cpu,
    store_mask,
    to_int,
    to_words,
)
from emu.shm.layout import machine_at

BORDERS = sorted({0, 1, 62, 63, 64, 65, 127, 128, 191, 192, MAX_CPUS - 2, MAX_CPUS - 1})
EVERY = (1 << MAX_CPUS) - 1


@entry(2)
def combine(address, how):
    """online = online <how> idle."""
    m = machine_at(address)
    a, b = load_mask(m, "online"), load_mask(m, "idle")
    if how == 0:
        store_mask(m, "online", mask_and(a, b))
    elif how == 1:
        store_mask(m, "online", mask_or(a, b))
    else:
        store_mask(m, "online", mask_minus(a, b))
    return 0


@entry(3)
def make(address, how, cpu):
    """online = a mask of one CPU, of all above it, of all, of none."""
    m = machine_at(address)
    if how == 0:
        store_mask(m, "online", mask_of(cpu))
    elif how == 1:
        store_mask(m, "online", mask_above(cpu))
    elif how == 2:
        store_mask(m, "online", mask_all())
    else:
        store_mask(m, "online", mask_none())
    return 0


@entry(3)
def ask(address, what, number):
    m = machine_at(address)
    mask = load_mask(m, "online")
    if what == 0:
        return mask_first(mask)
    if what == 1:
        return mask_count(mask)
    if what == 2:
        return 1 if mask_is_empty(mask) else 0
    if what == 3:
        return 1 if mask_has(mask, number) else 0
    if what == 4:
        return mask_word(mask, number)
    if what == 5:
        return 1 if has_cpu(m, "online", number) else 0
    if what == 6:
        return 1 if any_cpu(m, "online") else 0
    return 1 if has_all_cpus(m, "online", number) else 0


@entry(3)
def change(address, put, cpu):
    m = machine_at(address)
    if put != 0:
        return 1 if set_cpu(m, "online", cpu) else 0
    return 1 if clear_cpu(m, "online", cpu) else 0


def masks():
    yield from (EVERY ^ 1 << cpu for cpu in BORDERS)
    chance = random.Random(7)
    yield from (0, EVERY, *(1 << cpu for cpu in BORDERS))
    yield from (sum(1 << cpu for cpu in chance.sample(range(MAX_CPUS), n)) for n in (2, 5, 100))


@pytest.mark.parametrize("mask", [pytest.param(m, id=f"{m:#x}"[:24]) for m in masks()])
def test_questions_about_a_mask(window, mask):
    m, base = window.machine, window.address
    m["online"] = to_words(mask)
    assert to_int(m["online"]) == mask
    assert ask(base, 0, 0) == (mask & -mask).bit_length() - 1 and ask(base, 1, 0) == mask.bit_count()
    assert ask(base, 2, 0) == (mask == 0) and ask(base, 6, 0) == (mask != 0)
    for cpu in BORDERS:
        assert ask(base, 3, cpu) == ask(base, 5, cpu) == mask >> cpu & 1
    for count in (1, 63, 64, 65, 128, 200, MAX_CPUS):
        assert ask(base, 7, count) == (mask & (1 << count) - 1 == (1 << count) - 1)
    assert [ask(base, 4, k) for k in range(CPU_WORDS)] == to_words(mask)


@pytest.mark.parametrize("a", [EVERY, sum(1 << cpu for cpu in BORDERS)])
def test_masks_are_combined_word_by_word(window, a):
    b = sum(1 << cpu for cpu in BORDERS[::2])
    for how, expected in enumerate((a & b, a | b, a & ~b)):
        window.machine["online"], window.machine["idle"] = to_words(a), to_words(b)
        combine(window.address, how)
        assert to_int(window.machine["online"]) == expected


@pytest.mark.parametrize("cpu", [-1, *BORDERS])
def test_masks_are_made_of_a_cpu(window, cpu):
    expected = [1 << cpu if cpu >= 0 else 0, EVERY & -2 << cpu if cpu >= 0 else EVERY, EVERY, 0]
    for how in range(0 if cpu >= 0 else 1, 4):
        make(window.address, how, cpu)
        assert to_int(window.machine["online"]) == expected[how]


@pytest.mark.parametrize("cpu", BORDERS)
def test_set_and_clear_change_one_bit_and_say_what_it_was(window, cpu):
    m, base = window.machine, window.address
    m["online"] = 0
    assert (change(base, 1, cpu), change(base, 1, cpu)) == (0, 1) and to_int(m["online"]) == 1 << cpu
    m["online"] = to_words(EVERY)
    assert (change(base, 0, cpu), change(base, 0, cpu)) == (1, 0) and to_int(m["online"]) == EVERY ^ 1 << cpu
