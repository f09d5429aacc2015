"""The shape of the source tree: layers, hot and cold folders, where Numba may be named, sizes, headers (DESIGN §2).

The layers are read from the tree: a folder, or a file beside folders, is a unit, and units that stand beside each other
may not import each other in a circle.  So each package of emu has an order in which all imports point down, and a new
folder needs no entry here.
"""

import ast
import functools
from pathlib import Path

import pytest

from emu.hot.cache import COLD

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "emu"
ABOVE = ("tools", "benchmarks")  # beside emu, above all of it
MAX_LINES = 400
HOT_MARKS = {"hot", "entry", "callback", "hook"}


def sources():
    return [*SOURCE.rglob("*.py"), *(path for folder in ABOVE for path in (REPOSITORY / folder).rglob("*.py"))]


def name_of(path):
    return path.relative_to(REPOSITORY).as_posix()


EMU_FILES = [pytest.param(p, id=name_of(p)) for p in sorted(SOURCE.rglob("*.py"))]


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text())


@functools.cache
def imports(path):
    """[(line, file or folder)] of every import of the repository's own modules in a file."""
    return list(_imports(path))


def _imports(path):
    package = list(path.relative_to(REPOSITORY).parts[:-1])
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module" and node.args:
            names = [node.args[0].value] if isinstance(node.args[0], ast.Constant) else []
        else:
            continue
        yield from ((node.lineno, found) for found in map(file_of, names) if found)


def file_of(dotted):
    """The file of a dotted name, or of the module that the name is in; None when it is not ours."""
    parts = dotted.split(".")
    if parts[0] not in ("emu", *ABOVE):
        return None
    for end in (len(parts), len(parts) - 1):
        path = REPOSITORY.joinpath(*parts[:end])
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.is_file() and end:
                return candidate
    return None


def unit_of(path, folder):
    """The child of `folder` that a file belongs to; None for files elsewhere and the package's own __init__.py."""
    if not path.is_relative_to(folder) or path == folder / "__init__.py":
        return None
    return path.relative_to(folder).parts[0].removesuffix(".py")


PACKAGES = [pytest.param(p, id=name_of(p)) for p in (SOURCE, *sorted(p for p in SOURCE.rglob("*") if p.is_dir()))
            if list(p.glob("*.py"))]  # fmt: skip


@pytest.mark.parametrize("folder", PACKAGES)
def test_units_that_stand_beside_each_other_import_in_no_circle(folder):
    arrows = {}
    for path in folder.rglob("*.py"):
        for line, other in imports(path):
            one, two = unit_of(path, folder), unit_of(other, folder)
            if one and two and one != two:
                arrows.setdefault(one, {}).setdefault(two, f"{name_of(path)}:{line} imports {name_of(other)}")
    left = set(arrows)  # take away what imports nothing that is left, until a circle remains or nothing
    while lowest := {unit for unit in left if not left & set(arrows[unit])}:
        left -= lowest
    assert not left, "\n".join(arrows[one][two] for one in sorted(left) for two in sorted(left & set(arrows[one])))


def test_nothing_of_emu_imports_what_stands_above_it():
    arrows = [(path, line, other) for path in SOURCE.rglob("*.py") for line, other in imports(path)]
    wrong = [f"{name_of(path)}:{line}" for path, line, other in arrows if not other.is_relative_to(SOURCE)]
    assert not wrong


def test_instruction_set_and_kernel_do_not_know_each_other():
    wrong = []
    for one, other in (("isa", "kernel"), ("kernel", "isa")):
        for path in (SOURCE / one).rglob("*.py"):
            wrong += [f"{name_of(path)}:{n}" for n, found in imports(path) if found.is_relative_to(SOURCE / other)]
    assert not wrong


COMPILERS = ("compiler", "front_end", "borders", "guest_code", "guest_rules", "guest_arrays")  # in emu/hot


def test_only_the_compilers_files_import_numba():
    """It takes half a second, which a machine with a full cache does not spend."""
    wrong = []
    for path in SOURCE.rglob("*.py"):
        if path not in [SOURCE / "hot" / f"{name}.py" for name in COMPILERS]:
            for node in ast.walk(tree_of(path)):
                named = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                wrong += [f"{name_of(path)}:{node.lineno}" for name in named if name.split(".")[0] == "numba"]
    assert wrong == []


def is_cold(path):
    return path.is_relative_to(SOURCE) and path.relative_to(SOURCE).as_posix().startswith(COLD)


def test_cold_folders_hold_no_hot_code():
    """They are no part of the cache's key, so hot code there could be run in an old version.

    But emu/testing, which is compiled like a user's file, each entry under a key of its own: `emu run` compiles none of
    it, and a change of a test's harness is no change of the kernel.
    """
    wrong = []
    for path in filter(is_cold, SOURCE.rglob("*.py")):
        if path.is_relative_to(SOURCE / "testing"):
            continue
        for node in ast.walk(tree_of(path)):
            for mark in getattr(node, "decorator_list", []):
                name = mark.func if isinstance(mark, ast.Call) else mark
                if getattr(name, "id", getattr(name, "attr", "")) in HOT_MARKS:
                    wrong.append(f"{name_of(path)}:{node.lineno}")
    assert not wrong


def test_hot_folders_import_nothing_of_cold_ones():
    """But cpu_worker, where the two meet: a CPU's process."""
    wrong = []
    for path in SOURCE.rglob("*.py"):
        if not is_cold(path) and path.parent not in (SOURCE, SOURCE / "cpu_worker"):
            wrong += [f"{name_of(path)}:{n} imports {name_of(found)}" for n, found in imports(path) if is_cold(found)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", EMU_FILES)
def test_a_file_is_one_concept(path):
    lines = len(path.read_text().splitlines())
    assert lines <= MAX_LINES, f"{lines} lines: split it by concept"


@pytest.mark.parametrize("path", EMU_FILES)
def test_a_file_says_what_it_is(path):
    assert not tree_of(path).body or ast.get_docstring(tree_of(path)), "no header"
