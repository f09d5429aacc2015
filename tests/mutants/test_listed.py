"""Every mutant of the list can be made: its text stands once in its file, and its tests exist."""

from collections import Counter

import pytest

from tests.mutants.listed import MUTANTS
from tests.mutants.mutant import ROOT, DoesNotApply, Mutant, named_tests


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.id)
def test_it_applies(mutant):
    path = ROOT / mutant.file
    compile(mutant.mutated(path.read_text()), path, "exec")
    assert bool(mutant.survives) != bool(mutant.tests), "either tests that kill it, or the reason why none can"
    for file, names in named_tests(mutant):
        text = (ROOT / file).read_text()
        assert all(f"def {name}(" in text for name in names), f"{file} has no {names}"


def test_names_are_used_once():
    assert [name for name, count in Counter(m.id for m in MUTANTS).items() if count > 1] == []


def test_a_text_that_is_gone_or_not_alone_is_an_error_that_names_the_mutant():
    mutant = Mutant("some-fault", "a.py", "x = 1", "x = 2")
    assert mutant.mutated("x = 1\n") == "x = 2\n"
    for text in ("x = 3", "x = 1; x = 1"):
        with pytest.raises(DoesNotApply, match="some-fault.*a.py"):
            mutant.mutated(text)
