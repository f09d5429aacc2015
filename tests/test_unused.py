"""A definition that nothing uses fails: who reads it takes it for something that happens.

Functions, classes, methods and constants of emu/, tools/ and benchmarks/ are looked at; what only tests use counts as
unused.  A use is any mention of the name outside its own definition: as a name, an attribute, an import, or a text that
is an identifier (fields of records and system calls are found by their names).  So a name that two definitions share
is not found out, and nothing that is used is accused.  What a decorator registers is used.
"""

import ast
import functools
import re
import tomllib
from collections import Counter
from pathlib import Path

import emu

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDERS = ("emu", "tools", "benchmarks")
MARKS = {  # decorators that leave it to others to find what they mark
    "hot", "never_inline", "property", "cached_property", "staticmethod", "classmethod", "contextmanager", "wraps",
    "cache", "lru_cache", "dataclass", "in_use",
}  # fmt: skip
WHOLE = {  # folders in which all may stand
    "emu/abi": "what Linux fixes, whole, as its headers list it",
    "emu/testing": "what tests are written with, ours and the users'",
}
FOUND_BY_NAME = {  # file -> methods whose names are put together where they are called
    "emu/server/control.py": "do_",  # requests of the supervisor
    "emu/debug/debugger.py": "do_",  # commands
    "emu/server/debugged.py": "do_",
    "emu/debug/gdb/stub.py": "_packet_",  # gdb's letters
    "emu/trace/check.py": "_(cpu_up|cpu_down|migrate|steal|switch|suspend|resume|preempt|yield)",  # kinds of events
    "emu/isa/lower.py": "_[A-Z]",  # kinds of syntax
    "emu/isa/interpreter/arms.py": "_",  # operations that rows of the table name
    "emu/hot/compiler.py": "_customize_tm_features|run_pass|define_pipelines|add_llvm_module|get_pointer_to_function",
    "emu/hot/guest_code.py": "fp_zero_division|lower_inst|lowering_class|define_pipelines",  # Numba's hooks
    "emu/hot/guest_arrays.py": "generic",
    "emu/hot/functions.py": "_numba_type_",
    "emu/trace/perfetto/view.py": "do_[A-Z]+|handle_error|log_message",  # what http.server calls
    "emu/commands/options.py": "make_context|format_epilog",  # what click calls
    "benchmarks/wakeup.py": "(sleep|wake)_",
}
USED = {  # who uses it, where no file of the three folders does
    "get_call_template": "Numba, where hot code calls a hot function",
    "compile_extra": "Numba, for each function that is compiled",
    "recover_kernel_memory": "whoever carries on without a killed CPU, which fails the machine as yet",
    "rebuild_areas": "see there",
    "rebuild_objects": "see there",
    "rebuild_ports": "see there",
    "rebuild_containers": "see there",
    "rebuild_upcalls": "see there",
    "kmalloc": "records of sizes known at run time; as yet the kernel's own all have arrays",
    "kfree": "see there",
    "allocate_page": "buffers of a page, and free_page",
    "free_page": "see there",
    "spawn_python": "users: a part of their Machine",
    "set_infinite_timeout": "alux-3 for a lock word of the kernel's own; guests' calls are native/threads.py",
}


def sources():
    paths = [path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py")]
    return {path.relative_to(REPOSITORY).as_posix(): ast.parse(path.read_text()) for path in paths}


def definitions(tree, public=()):
    """(names, node) of what a module and its classes define. Names that one line defines together are used together."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield [node.name], node
            if isinstance(node, ast.ClassDef):
                methods = definitions(node)
                yield from ((n, m) for n, m in methods if node.name not in public or n[0].startswith("_"))
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            yield from definitions(node, public)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(tree, ast.Module):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)], node


def mentions(node):
    """The names that a piece of a program mentions, each as often as it does; not those that it defines."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Store):
            yield each.id
        elif isinstance(each, ast.Attribute):
            yield each.attr
        elif isinstance(each, ast.alias):
            yield from each.name.split(".")
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield from re.split(r"\W+", each.value) if re.fullmatch(r"[\w.:]+", each.value) else ()


def is_registered(node):
    for each in getattr(node, "decorator_list", []):
        mark = each.func if isinstance(each, ast.Call) else each
        if getattr(mark, "attr", getattr(mark, "id", "")) not in MARKS:
            return True
    return False


def unused(trees, elsewhere=(), public=()):
    """(file, line, name) of each definition that nobody mentions; methods of `public` classes are the users'."""
    counts = Counter(elsewhere)
    for tree in trees.values():
        counts.update(mentions(tree))
    found = []
    for file, tree in trees.items():
        for names, node in definitions(tree, public):
            own = Counter(mentions(node))
            if is_registered(node) or any(counts[name] > own[name] for name in names):
                continue
            found += [(file, node.lineno, name) for name in names if not name.startswith("__")]
    return found


def is_excused(file, name):
    by_name = FOUND_BY_NAME.get(file)
    hook = name == "_repr_html_" or name.startswith("pytest_")  # of notebooks, of pytest
    return hook or name in USED or file.startswith(tuple(WHOLE)) or by_name and re.match(by_name, name)


@functools.cache
def everything():
    """What nothing uses in the whole project."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    points = [*project["scripts"].values(), *(v for e in project.get("entry-points", {}).values() for v in e.values())]
    return unused(sources(), [word for point in points for word in re.split(r"\W+", point)], emu.__all__)


def test_every_definition_is_used():
    wrong = [f"{file}:{line}: nothing uses {name}" for file, line, name in everything() if not is_excused(file, name)]
    assert not wrong, "\n".join(wrong)


def test_no_excuse_is_left_over():
    found = everything()
    assert USED.keys() <= {name for _, _, name in found}, "these are used, or gone"
    matched = {file for file, _, name in found if re.match(FOUND_BY_NAME.get(file, "$"), name)}
    assert matched == FOUND_BY_NAME.keys(), "nothing there is found by its name"


def test_what_only_mentions_itself_is_found_and_what_is_mentioned_anywhere_is_not():
    one = "LEFT = 1\nA1, A2 = 1, 2\nB1, B2 = 1, 2\ndef loop(n):\n    return loop(n - 1)\n"
    two = "@hot\ndef marked(): pass\n@insn('x')\ndef row(): pass\n"
    three = "class A:\n    def used(self): pass\n    def lonely(self): pass\nA().used()\nget('field', A2)\n"
    four = "class Public:\n    def method(self): pass\n    def _inner(self): pass\nPublic()\n"
    five = "field = 0\ndef imported(): pass\n"
    six = "from five import imported\n"
    trees = dict(enumerate(map(ast.parse, (one, two, three, four, five, six))))
    found = [name for _, _, name in unused(trees, public=["Public"])]
    assert found == ["LEFT", "B1", "B2", "loop", "marked", "lonely", "_inner"]
