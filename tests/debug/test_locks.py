"""Lock words as the debugger shows them, also those that are nonsense (debug/locks.py)."""

from types import SimpleNamespace

import numpy as np
import pytest

from emu.debug.locks import _held
from emu.limits import MAX_ACTORS

INSPECTOR = SimpleNamespace(actor=lambda word: f"actor {word - 1}")


@pytest.mark.parametrize(
    ("word", "holder"),
    [(1, "actor 0"), (MAX_ACTORS, f"actor {MAX_ACTORS - 1}"), (MAX_ACTORS + 1, "nobody"), (-1, "nobody")],
)
def test_a_lock_is_held_by_an_actor_that_there_is(word, holder):
    [found] = _held(INSPECTOR, "families.lock", np.array(word))
    assert found.name == "families.lock" and found.holder.startswith(holder)
