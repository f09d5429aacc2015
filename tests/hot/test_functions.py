"""The border between cold Python and hot code: integers in, an integer out, and nothing else."""

import threading

import numpy as np
import pytest

from emu.hot import Entry, entry
from emu.shm.memory import host_sleep_us, load_64, store_64


@entry(2)
def difference(a, b):
    return a - b


@entry(1)
def nothing(a):
    pass


@entry(1)
def wait_for(address):
    """Until somebody changes the word; the value found."""
    while load_64(address) == 0:
        host_sleep_us(100)
    return load_64(address)


@entry(2)
def set_word(address, value):
    store_64(address, value)
    return 0


def test_words_are_signed_and_wrap():
    assert difference(7, 9) == -2
    assert difference(-(1 << 63), 0) == -(1 << 63) == difference(1 << 63, 0)
    assert difference((1 << 64) - 1, 0) == -1
    assert nothing(5) == 0


def test_what_counts_as_an_integer_is_one():
    assert difference(np.int64(5), np.uint8(2)) == 3 and difference(True, False) == 1


@pytest.mark.parametrize("words", [(), (1,), (1, 2, 3)])
def test_the_number_of_words_is_checked(words):
    with pytest.raises(TypeError):
        difference(*words)


@pytest.mark.parametrize("word", [None, "1", 1.0])
def test_other_things_are_refused(word):
    with pytest.raises(TypeError):
        difference(word, 1)


def test_other_threads_of_python_run_while_an_entry_does():
    word = np.zeros(1, dtype=np.int64)
    found = []
    waiter = threading.Thread(target=lambda: found.append(wait_for(word.ctypes.data)))
    waiter.start()
    set_word(word.ctypes.data, 42)
    waiter.join(timeout=30)
    assert found == [42]


def test_code_once_compiled_is_loaded_from_its_object_file(monkeypatch):
    difference.compile()
    monkeypatch.setattr("emu.hot.compiler.lowered", None)
    assert Entry(difference.function, 2)(3, 1) == 2
