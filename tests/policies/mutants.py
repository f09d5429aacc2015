"""A policy with one sentence changed: a test that must fail with a bug put back."""

import re
from pathlib import Path

import emu.policies

FOLDER = Path(emu.policies.__file__).parent


HELPER = re.compile(r"^from emu\.policies\.(\w+) import .*\n", re.MULTILINE)


def _with_helpers(text):
    """A policy's text with that of the helper modules that it imports in place of the import."""
    return HELPER.sub(lambda found: (FOLDER / f"{found[1]}.py").read_text(), text)


def mutant(tmp_path, name, *changes):
    """Path of a copy of a built-in policy in which each (old, new) text is replaced; old must occur once."""
    text = _with_helpers((FOLDER / f"{name}.py").read_text())
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
        text = text.replace(old, new)
    path = tmp_path / f"{name}_mutant.py"
    path.write_text(text)
    return str(path)
