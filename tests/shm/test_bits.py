"""Packed words: what is packed comes back, from integers, arrays and in hot code."""

import numpy as np
import pytest

from emu.hot import entry
from emu.shm.bits import bits

WORD = bits("kind:8 index:24 generation:*")
word_kind, word_index, word_generation = WORD.getters()
pack_word = WORD.packer()


@entry(3)
def pack(kind, index, generation):
    return pack_word(kind, index, generation)


@entry(2)
def unpack(word, which):
    if which == 0:
        return word_kind(word)
    return word_index(word) if which == 1 else word_generation(word)


@pytest.mark.parametrize("numbers", [(0, 0, 0), (255, (1 << 24) - 1, (1 << 31) - 1), (7, 3, -1), (1, 0, -(1 << 31))])
def test_hot_and_cold_code_agree_on_every_field(numbers):
    word = pack(*numbers)
    assert word == WORD.pack(kind=numbers[0], index=numbers[1], generation=numbers[2])
    assert tuple(unpack(word, k) for k in range(3)) == numbers
    assert tuple(WORD.get(word, name) for name in WORD.fields) == numbers
    assert WORD.get(np.array([word, 0]), "index").tolist() == [numbers[1], 0]


@pytest.mark.parametrize("text", ["a:8 a:8", "a:60 b:8", "a:* b:1"])
def test_fields_that_do_not_fit_are_refused(text):
    with pytest.raises(ValueError, match="does not fit"):
        bits(text)
