"""Faults in descriptor tables, open files and pipes."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

PIPE = "emu/kernel/files/pipe.py"
TABLE = "emu/kernel/files/table.py"
CALLS = "emu/kernel/linux/files.py"
PIPES = "tests/litmus/test_pipes.py"
SLEEPS = f"{PIPES}::test_a_reader_does_not_sleep_over_a_write_or_the_last_close"
RECORDS = f"{PIPES}::test_records_of_several_writers_arrive_whole_and_in_order"
CLOSES = f"{PIPES}::test_of_two_closes_of_one_descriptor_one_works"
PROGRAMS = "tests/guests/test_programs.py::test_program_finds_nothing_wrong[pipes-inko-2]"
TABLES = "tests/kernel/files/test_files.py"

MUTANTS = [
    Mutant("pipe-write-wakes-nobody", PIPE, "    wakes |= _sleepers(p, n > 0 or turns != 0, turns", "    wakes |= _sleepers(p, False, turns", SLEEPS),
    Mutant("pipe-close-wakes-nobody", PIPE, "    wakes = _changed(p) | WAKE_READERS | WAKE_WRITERS\n", "    wakes = _changed(p)\n", SLEEPS),
    Mutant("pipe-small-write-in-pieces", PIPE, "    elif n < (want if whole else 1):\n", "    elif n < 1:\n", RECORDS),
    Mutant("pipe-two-writers-at-once", PIPE, "    elif p.writing != 0:\n", "    elif p.writing < 0:\n", RECORDS),
    Mutant("pipe-slot-freed-under-its-writer", PIPE, "        if p.write_end <= slot_end - PAGE_SIZE + RING_BYTES:", "        if p.write_end >= 0:", PROGRAMS),
    Mutant("close-without-the-tables-lock", TABLE, "    lock_table(m, me, f)\n    word = _word(m, f, fd)\n    if word != 0:\n        _clear_word(m, f, fd)\n    unlock_table(m, me, f)\n", "    word = _word(m, f, fd)\n    if word != 0:\n        _clear_word(m, f, fd)\n", CLOSES),
    Mutant("copied-table-holds-nothing", TABLE, "            hold_description(m, description_of(word) - 1)\n    c.taken", "    c.taken", f"{TABLES}::test_many_descriptors_are_found_copied_and_given_back"),
    Mutant("closed-descriptor-stays-taken", TABLE, "    f.taken = min(f.taken, fd)\n", "", f"{TABLES}::test_many_descriptors_are_found_copied_and_given_back"),
    Mutant("server-closes-orphans-after-the-call", "emu/server/process.py", "            self._close_orphans()\n            if request == NOTHING:", "            if request == NOTHING:", "tests/server/test_orphans.py"),
    Mutant("waiting-call-holds-no-file", CALLS, "        t.held_file = d + 1 if held else 0\n        return BLOCK\n", "        if held:\n            drop_description(m, me, d)\n        return BLOCK\n", PROGRAMS),
    Mutant("interrupted-call-keeps-its-file", "emu/cpu_worker/loop.py", "                let_go(m, me, i)  # the call has ended, or begins anew\n", "                pass\n", PROGRAMS),
    Mutant("killed-thread-keeps-its-file", "emu/kernel/task/exiting.py", "    let_go(m, me, i)\n", "", PROGRAMS),
]  # fmt: skip
