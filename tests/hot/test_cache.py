"""The folder of an entry's code: another one when anything that the code is made from has changed."""

import os
import subprocess
import sys
import types

import pytest

from emu.hot import cache

POLICY = "from emu.kernel.sched.hooks import hook\nimport helper\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(POLICY)
    (tmp_path / "helper.py").write_text("A = 1\n")

    return lambda: cache.entry_folder(str(tmp_path / "mine.py"))


@pytest.mark.parametrize("changed", ["mine.py", "helper.py"])
def test_a_changed_source_or_one_that_it_imports_has_another_folder(folder, tmp_path, changed):
    before = folder()
    assert folder() == before
    (tmp_path / "other.py").write_text("B = 1\n")
    assert folder() == before, "nothing imports it"
    (tmp_path / changed).write_text((tmp_path / changed).read_text() + "C = 1\n")
    assert folder() != before


@pytest.mark.parametrize("helps", [False, True])
def test_a_policy_that_is_edited_and_loaded_again_is_compiled_again(tmp_path, monkeypatch, helps):
    """In one process, as in a notebook; and what was loaded before the edit stays what it was."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # such files do not tell edits within a second apart
    helper = "from emu.hot import hot\n\n@hot\ndef answer():\n    return {}\n"
    mine = "from emu.hot import entry\n{}\n@entry(1)\ndef ask(a):\n    return {}\n"

    def loaded(value):
        (tmp_path / "helper_of_a_test.py").write_text(helper.format(value))
        text = mine.format("from helper_of_a_test import answer", "answer()") if helps else mine.format("", value)
        (tmp_path / "mine.py").write_text(text)
        sys.modules.pop("helper_of_a_test", None)
        module = types.ModuleType("mine")
        exec(compile(text, tmp_path / "mine.py", "exec"), module.__dict__)
        return module

    first = loaded(1)
    second = loaded(2)
    assert [second.ask(0), first.ask(0), loaded(3).ask(0)] == [2, 1, 3]


def test_a_file_of_emu_reaches_what_it_imports_and_nothing_else():
    reached = cache._imports(cache.SOURCE_ROOT / "shm" / "clock.py")
    assert cache.SOURCE_ROOT / "shm" / "memory.py" in reached and cache.SOURCE_ROOT / "hot" / "__init__.py" in reached
    assert all(path.is_relative_to(cache.SOURCE_ROOT) for path in reached)


@pytest.fixture
def noted(warm):
    """A complete cache, with the imports of the sources as they are now: cold ones change without a new cache."""
    cache.mark_warm(cache.objects())


LOOK = """
import ast, sys
from emu.hot import cache

parsed, parse = [], ast.parse
ast.parse = lambda text: parsed.append(text) or parse(text)
print(cache.entry_folder(sys.argv[1]), len(parsed))
"""


def test_with_a_complete_cache_a_policy_has_the_same_folder_and_no_source_of_emu_is_parsed(noted, folder, tmp_path):
    def look(**variables):
        command = [sys.executable, "-c", LOOK, tmp_path / "mine.py"]
        environment = {**os.environ, **variables}
        done = subprocess.run(command, env=environment, cwd=cache.SOURCE_ROOT.parent, capture_output=True, text=True)
        name, parsed = done.stdout.split()
        return name, int(parsed)

    fast, slow = look(), look(EMU_CACHE_DIR=str(tmp_path / "empty"))
    assert fast == (folder(), 2), "the policy and what lies beside it"
    assert slow[0] == folder() and slow[1] > 20


def test_what_is_noted_of_a_source_with_another_content_does_not_count(monkeypatch):
    path = cache.SOURCE_ROOT / "shm" / "clock.py"
    before = cache._imports(path)
    monkeypatch.setattr(cache, "_noted_imports", lambda: {"emu/shm/clock.py": ["0", []]})
    cache._imports_of.cache_clear()
    assert before and cache._imports(path) == before


def test_with_a_source_more_than_were_noted_nothing_noted_counts(noted, monkeypatch):
    """It may be what others import: `from . import name` is a module's name once there is such a file."""
    look = cache._noted_imports.__wrapped__
    assert look()
    sources = cache._sources()
    monkeypatch.setattr(cache, "_sources", lambda: [*sources, cache.SOURCE_ROOT / "shm" / "new.py"])
    assert look() == {}


def test_an_entry_that_uses_variables_of_the_function_around_it_is_refused():
    from emu.hot import Entry

    value = 1

    def uses(a):
        return a + value

    with pytest.raises(TypeError, match="make them globals"):
        Entry(uses, 1)
