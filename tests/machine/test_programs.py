"""spawn_python is spawn: before and while others run, with names, environments and roots; compiled once."""

import subprocess
import sys
import time

import pytest

from emu import Machine, MachineError, guest
from emu.hot import cache
from emu.machine.symbols import symbols_of
from emu.program.executable import executable
from tests.guests.programs import Output
from tests.systems.test_rust import finish, wait_for

FACTOR = 7
content = guest.words([3, 0, -1])


def weigh(a, b):
    guest.write("weighing\n")
    guest.print_int(a * FACTOR + b)
    content[1] = content[0] + content[2]
    return content[1]


def for_ever(_):
    while True:
        guest.sleep(1_000_000_000)


def signals_itself(number):
    guest.call(129, guest.call(172), number)


def test_a_function_is_a_job_like_any_other(boot, seed):
    with boot(2, seed=seed) as machine:
        first = machine.spawn_python(weigh, 2, -5)
        wait_for(first)
        second, third = machine.spawn("exitcode", 5), machine.spawn_python(weigh, 1, 1, name="scale")
        finish(machine)
        assert [job.exit_status for job in (first, second, third)] == [2, 5, 2]
        assert [job.number for job in (first, second, third)] == [0, 1, 2] and first.kill_reason == "exited"
    assert sorted(machine.output.read_text().split()) == ["8", "9", "weighing", "weighing"]


def test_who_looks_sees_its_name(boot, seed):
    with boot(1, seed=seed) as machine:
        job = machine.spawn_python(for_ever, 0, name="owl")
        while not any("owl" in line and "emu.call" in line for line in machine.waits()):
            time.sleep(0.01)
        assert job.program.endswith("/owl") and "emu.main" in {
            name for _, name, _ in symbols_of(job.program)._functions
        }
        machine.kill(job)
        finish(machine)
        assert job.exit_status == 137


def test_a_root_that_is_killed_fails_the_machine(boot, seed):
    with boot(1, seed=seed) as machine:
        machine.spawn_python(signals_itself, 9, root=True)
        with pytest.raises(MachineError, match="signals_itself"):
            machine.run(60)


def test_a_guest_may_run_the_program_of_a_function(boot, seed):
    """/bin has it, as it has those of files; its arguments are decimal digits."""
    with Output() as output, boot(1, seed=seed, stderr=output.descriptor) as machine:
        wait_for(machine.spawn_python(weigh, 0, 0, name="scale"))
        folder = next(machine._directory.glob("program-*"))
        for words, status in ((("12", "-0"), 2), (("1",), 1), (("1", "x"), 1), (("1", "2", "3"), 1), (("", "1"), 1)):
            job = machine.spawn(folder / "scale", *words)
            wait_for(job)
            assert job.exit_status == status, words
        finish(machine)
        assert set(output.text().splitlines()) == {
            "emu: scale: expected 2 arguments, all integers", "emu: guest.integer: an argument is no integer",
        }  # fmt: skip


def test_what_cannot_be_spawned_is_refused_and_the_machine_goes_on(boot, seed):
    with boot(1, seed=seed) as machine:
        for wrong, what in (
            (lambda: machine.spawn_python(weigh, 1), "weigh: takes 2 arguments, was given 1 integers"),
            (lambda: machine.spawn_python(weigh, 1, 1.5), "argument 1.5: expected"),
            (lambda: machine.spawn_python(weigh, 1, 1 << 63), "expected -9223372036854775808 to 9223372036854775807"),
            (lambda: machine.spawn_python(weigh, 1, 2, name="a/b"), "name 'a/b'"),
            (lambda: machine.spawn_python("weigh"), "expected a Python function"),
            (lambda: machine.spawn_python(to_print), "test_programs.py, line .*to_print: a guest has no print"),
        ):
            with pytest.raises(MachineError, match=what):
                wrong()
        job = machine.spawn_python(weigh, 1, 2)
        finish(machine)
        assert job.exit_status == 2


def to_print():
    print(1)


def test_a_machine_that_does_not_run_takes_no_program():
    with pytest.raises(MachineError, match="spawn_python: the machine has not booted"):
        Machine(1).spawn_python(weigh, 1, 2)


AGAIN = """
import sys
from emu.program.executable import executable
from tests.machine.test_programs import weigh
image = executable(weigh, 2, "weigh")
print("numba" in sys.modules, hash(image) and image.hex())
"""


def test_a_program_is_compiled_once(tmp_path, monkeypatch):
    """Another process takes it from the cache, and does not import Numba; one whose numbers changed is another."""
    monkeypatch.setenv("EMU_CACHE_DIR", str(tmp_path))
    found = [subprocess.run([sys.executable, "-c", AGAIN], capture_output=True, text=True, check=True).stdout.split()
             for _ in range(2)]  # fmt: skip
    assert [each[0] for each in found] == ["True", "False"] and found[0][1] == found[1][1]


@pytest.mark.parametrize("change", ["FACTOR", "content"])
def test_a_change_of_what_a_program_names_is_noticed(change, monkeypatch):
    before = executable(weigh, 2, "weigh")
    monkeypatch.setitem(globals(), change, 8 if change == "FACTOR" else guest.words([4, 0, -1]))
    assert executable(weigh, 2, "weigh") != before
    monkeypatch.undo()
    assert executable(weigh, 2, "weigh") == before


def test_a_cache_that_cannot_be_written_hinders_nobody(monkeypatch):
    monkeypatch.setattr(cache, "store", refuse)
    monkeypatch.setattr(cache, "load", lambda path, symbol: None)
    assert executable(weigh, 2, "elsewhere")[:4] == b"\x7fELF"


def refuse(*_):
    raise OSError
