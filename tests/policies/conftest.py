import sys

import pytest

from emu.hot import functions
from tests.policies.mutants import mutant


@pytest.fixture
def changed(tmp_path):
    """`changed(name, (old, new), …)`: the path of a built-in policy with a bug put back, forgotten at the end."""
    loaded = set(sys.modules)
    yield lambda name, *changes: mutant(tmp_path, name, *changes)
    for name in set(sys.modules) - loaded:
        if name.startswith("emu_policy_"):
            gone = sys.modules.pop(name)
            functions._entries[:] = [e for e in functions._entries if e not in vars(gone).values()]
