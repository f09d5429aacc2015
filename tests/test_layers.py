"""The shape of the source tree: layers, where Numba may be named, sizes, docstrings (DESIGN §2)."""

import ast
from pathlib import Path

import pytest

from emu.cache import COLD

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "emu"
# Imports point down only. isa and kernel are of one rank, and never import each other.
RANK = {
    "guests": -2, "checked_file": -2, "cache": -1, "limits": 0, "compiler": 0, "hot": 0, "shm": 1, "isa": 2,
    "kernel": 2, "cpu_worker": 3, "machine": 4, "commands": 5, "tools": 6, "benchmarks": 6,
}  # fmt: skip
MAX_LINES = 450
HOT_MARKS = {"hot", "entry", "callback", "hook"}

# Upward imports inside a function, each with its reason.
EXCEPTIONS = {
    # The compiler of a cold cache has to know every entry, also those that the server uses.
    ("emu/cpu_worker/warm.py", "emu.machine.server"),
    ("emu/cpu_worker/warm.py", "emu.machine.timekeeper"),
}


def sources():
    return [*SOURCE.rglob("*.py"), *(REPOSITORY / "tools").rglob("*.py"), *(REPOSITORY / "benchmarks").rglob("*.py")]


def name_of(path):
    return path.relative_to(REPOSITORY).as_posix()


EMU_FILES = [pytest.param(p, id=name_of(p)) for p in sorted(SOURCE.rglob("*.py"))]


def layer_of(dotted):
    """Layer of a module of emu or of a folder beside it, None for others."""
    parts = dotted.split(".")
    if parts[0] == "emu":
        return parts[1] if len(parts) > 1 else "machine"  # `from emu import …` is the public interface
    return {"tools": "tools", "benchmarks": "benchmarks"}.get(parts[0])


def imports(path):
    """(line, dotted module) of every import in a file, relative ones resolved."""
    package = list(path.relative_to(REPOSITORY).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module == "emu" or (node.level and not node.module):
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module" and node.args:
            if isinstance(node.args[0], ast.Constant):
                yield node.lineno, node.args[0].value


def test_imports_point_down_only():
    wrong = []
    for path in sources():
        own = layer_of(".".join(path.relative_to(REPOSITORY).with_suffix("").parts))
        if path == SOURCE / "__init__.py":
            continue
        for line, module in imports(path):
            other = layer_of(module)
            if other is None or other == own or (name_of(path), module) in EXCEPTIONS:
                continue
            public = module.split(".")[0] == "emu" and len(module.split(".")) > 1 and module.split(".")[1] not in RANK
            rank = RANK["machine"] if public else RANK[other]
            if rank >= RANK[own]:
                wrong.append(f"{name_of(path)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_instruction_set_and_kernel_do_not_know_each_other():
    wrong = []
    for one, other in (("isa", "kernel"), ("kernel", "isa")):
        for path in (SOURCE / one).rglob("*.py"):
            wrong += [f"{name_of(path)}:{n}" for n, m in imports(path) if m.startswith(f"emu.{other}")]
    assert not wrong


def test_only_compiler_py_imports_numba():
    """It takes half a second, which a machine with a full cache does not spend."""
    wrong = []
    for path in SOURCE.rglob("*.py"):
        if path != SOURCE / "compiler.py":
            wrong += [f"{name_of(path)}:{n}" for n, m in imports(path) if m.split(".")[0] == "numba"]
    assert wrong == []


def test_cold_directories_hold_no_hot_code():
    """They are no part of the cache's key, so hot code there could be run in an old version."""
    wrong = []
    for folder in COLD:
        for path in (SOURCE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                for mark in getattr(node, "decorator_list", []):
                    name = mark.func if isinstance(mark, ast.Call) else mark
                    if getattr(name, "id", getattr(name, "attr", "")) in HOT_MARKS:
                        wrong.append(f"{name_of(path)}:{node.lineno}")
    assert not wrong


def test_hot_code_uses_nothing_from_cold_directories():
    cold = tuple(f"emu.{folder.replace('/', '.')}" for folder in COLD)
    hot_files = [p for p in SOURCE.rglob("*.py") if "@hot" in p.read_text()]
    wrong = [f"{name_of(p)}:{n}" for p in hot_files for n, module in imports(p) if module.startswith(cold)]
    assert not wrong


@pytest.mark.parametrize("path", EMU_FILES)
def test_a_file_is_one_concept(path):
    lines = len(path.read_text().splitlines())
    assert lines <= MAX_LINES, f"{lines} lines: split it by concept"


@pytest.mark.parametrize("path", EMU_FILES)
def test_a_file_says_what_it_is(path):
    text = path.read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "no header"
