"""State of a thread lives in its record: cold code keeps no dictionary whose keys are indices of threads.

A record's index has a next owner; what such a dictionary kept of the last one would be found by it.
"""

import ast
from pathlib import Path

import pytest

EMU = Path(__file__).resolve().parents[2] / "emu"
FILES = sorted([*(EMU / "machine").glob("*.py"), *(EMU / "kernel").rglob("*.py")])
NAMES = {"i", "thread", "thread_index", "tid"}  # what variables with an index or id of a thread are called
ALLOWED = {
    "server/waiting.py": {"_calls"},  # compared with the sleep word, which no later owner of the index ever has
}


def kept_by_index(text):
    """Attributes of objects (not records, which are subscripted by a field's name) that are assigned to by index."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        targets = node.targets if isinstance(node, ast.Assign) else []
        for target in targets:
            if (
                isinstance(target, ast.Subscript)
                and isinstance(target.value, ast.Attribute)
                and isinstance(target.value.value, ast.Name)
                and target.value.value.id in ("self", "server", "call")
                and isinstance(target.slice, ast.Name)
                and target.slice.id in NAMES
            ):
                found.add(target.value.attr)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(EMU)))
def test_nothing_is_kept_by_a_threads_index(path):
    assert kept_by_index(path.read_text()) <= ALLOWED.get(str(path.relative_to(EMU)), set())


def test_the_scan_finds_what_it_looks_for():
    assert kept_by_index("server.suspended_masks[call.x] = 1\nself.fault_codes[i] = (1, 0)\n") == {"fault_codes"}
