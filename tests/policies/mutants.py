"""A policy with one sentence changed: a test that must fail with a bug put back."""

from pathlib import Path

import emu.policies

FOLDER = Path(emu.policies.__file__).parent


def mutant(tmp_path, name, *changes):
    """Path of a copy of a built-in policy in which each (old, new) text is replaced; old must occur once."""
    text = (FOLDER / f"{name}.py").read_text()
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
        text = text.replace(old, new)
    path = tmp_path / f"{name}_mutant.py"
    path.write_text(text)
    return str(path)
