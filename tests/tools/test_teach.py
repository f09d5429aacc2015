"""`emu teach`: each lesson finds its bug, tells it, says what mends it, and plays every schedule of what is mended."""

import subprocess
import sys

import pytest

from emu.explore.lessons import LESSONS
from emu.explore.source import Source
from emu.guests import build

FOUND = {
    "lost-wakeup": ("deadlock: no thread can go on", "main waits for futex changed", "+ mutex_lock(&lock);"),
    "priority-inversion": ("emu_assert(!high_waits)", "high_waits = 1;", "+ mutex_lock_pi(&lock);"),
    "aba": ("emu_assert(atomic_exchange(&taken[node], 1) == 0)", "writes top", "+ count = (word >> 32) + 1;"),
    "store-buffer": ("emu_assert(atomic_fetch_add(&inside, 1) == 0)", "memory gets wants", "+ atomic_thread_fence("),
    "dining": ("deadlock: no thread can go on", "thread 1 waits for futex fork_of", "+ order(&first, &second);"),
}


def teach(*arguments):
    entry = [sys.executable, "-c", "import sys; from emu.commands.cli import main; sys.exit(main())"]
    return subprocess.run([*entry, "teach", *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("name", LESSONS)
def test_a_bug_is_found_told_mended_and_all_schedules_are_played(name):
    said = teach(name)
    assert said.returncode == 0, said.stdout + said.stderr
    for words in FOUND[name]:
        assert words in said.stdout
    last = said.stdout.rstrip().split("\n")[-1]
    assert last.endswith("none failed"), last
    assert ("(all with at most 3 preemptions)" if name == "dining" else "(all there are)") in last, last


def test_without_a_name_all_lessons_are_listed():
    said = teach()
    assert said.returncode == 0
    assert [line.split()[2] for line in said.stdout.splitlines()] == [*LESSONS]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("xyzzy",), "emu: lesson 'xyzzy': expected lost-wakeup, "),
        (("aba", "--seed", "-1"), "emu: --seed '-1': expected a number from 0 to "),
    ],
)
def test_what_is_no_lesson_is_one_line(arguments, line):
    said = teach(*arguments)
    assert said.returncode == 2 and said.stderr.startswith(line) and said.stderr.count("\n") == 1


def test_the_lines_of_a_lesson_are_those_of_its_debugging_information(tmp_path):
    """What is kept beside the committed program says the same as DWARF of one that was compiled with it."""
    lesson = LESSONS["aba"]
    build.compile_unstripped(lesson.source, tmp_path / "aba", "-g")
    dwarf, kept = Source(tmp_path / "aba"), Source(build.elf_of(lesson.source))
    assert kept.has_lines and len(kept._rows) == len(dwarf._rows)
    for at, *_ in dwarf._rows:
        assert kept.line_at(at) == dwarf.line_at(at)
    names = {name for at, _, name, own in dwarf._variables if own and kept.variable_at(at).name == name}
    assert {"top", "below", "taken", "fixed"} <= names
