"""Functions of emu that are never inlined: compiled once, however many call them."""

from collections import Counter

from emu.hot import cache, object_files
from emu.machine.warm import everything


def shared_of(unit):
    """The symbols of what a unit calls in other object files."""
    return {symbol for _, symbol in object_files.needed([unit.place])} - {unit.symbol}


def test_a_function_that_is_never_inlined_has_one_object_file_for_all_that_call_it(warm):
    callers = Counter(name for unit in everything() for name in shared_of(unit))
    assert sum(".signal_thread." in name for name in callers) == 1
    assert sum(number for name, number in callers.items() if ".signal_thread." in name) > 2


def test_a_complete_cache_names_each_file_once_and_none_that_nobody_needs(warm):
    files = [tuple(each) for each in cache.objects()]
    assert len(files) == len(set(files))
    assert set(files) == set(object_files.needed([unit.place for unit in everything()]))


def test_what_a_file_needs_is_loaded_before_it(warm):
    """So calls are direct: LLVM knows the address."""
    files = list(object_files.needed([unit.place for unit in everything()]))
    for place in files:
        before = set(files[: files.index(place)])
        assert set(object_files.needed([place])) - {place} <= before


def test_a_constant_argument_makes_no_function_of_its_own(warm):
    """As it does in Numba, which would compile it, and all that it calls with it, once more."""
    names = [symbol.rsplit(".", 1)[0] for _, symbol in object_files.needed([unit.place for unit in everything()])]
    assert max(Counter(names).values()) <= 2  # for records of two kinds
