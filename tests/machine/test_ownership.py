"""Who may use a machine, and when: before boot, after its end, twice, from threads, forked children, the collector."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import psutil
import pytest

from emu import Machine, MachineError
from emu.machine import children
from emu.machine.ownership import interrupt_all

WILD = (None, -1, 99, 1 << 80, "x", b"\0", "\0", "\udc80\ud800", object(), float("nan"), [], {}, ("a",))


def in_python(n):
    return n


CALLS = {
    "spawn": ("hello",), "run": (), "kill": (None,), "fail": ("reason",), "add_cpu": (), "remove_cpu": (0,),
    "threads": (), "suspend": (1,), "resume": (1,), "set_limit": ("max_threads_per_task", 5), "report": (),
    "waits": (), "call": (0, "ping", 1), "spawn_python": (in_python, 1),
    "start_file_server": (), "pause": (), "go_on": (),
}  # fmt: skip


def refusal(call, *arguments):
    """The line of the MachineError that a call raises."""
    with pytest.raises(MachineError) as raised:
        call(*arguments)
    assert "\n" not in str(raised.value) and str(raised.value)
    return str(raised.value)


def forked(function):
    """The exit status of a forked child that executes a function: 0, or 1 when it raised."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        function()
        os._exit(0)
    except BaseException as error:
        os.write(2, f"in the forked child: {error!r}\n".encode())
        os._exit(1)


def test_every_public_call_is_known_here():
    public = {name for name in dir(Machine) if not name.startswith("_")}
    assert public == {*CALLS, "on_deadlock", "paused"}, "a new public call: say what it refuses"


@pytest.mark.parametrize("name", CALLS)
def test_a_call_before_boot_and_after_the_end_is_refused_in_one_line(warm, name):
    machine = Machine(1, quiet=True)
    assert "has not booted" in refusal(getattr(machine, name), *CALLS[name])
    machine.__exit__()  # nothing to leave
    if name == "spawn":
        with machine:
            assert "entered twice" in refusal(machine.__enter__)
        assert "boots only once" in refusal(machine.__enter__)
        for other, arguments in CALLS.items():
            assert "has ended" in refusal(getattr(machine, other), *arguments)


def test_wild_arguments_are_refused_in_one_line_and_harm_nobody(boot):
    with boot(2) as machine, boot(1) as other:
        job, foreign = machine.spawn("sleepers", 2, 60_000), other.spawn("sleepers", 1, 60_000)
        wild = [value for value in WILD if value is not None]
        for value in wild:
            for call in (machine.kill, machine.remove_cpu, machine.threads, machine.suspend, machine.resume):
                refusal(call, value)
            refusal(machine.call, value, "ping", 1)
            refusal(machine.call, 0, value)
            refusal(machine.set_limit, value, 5)
            refusal(machine.set_limit, "max_threads_per_task", value) if value != 99 else None
            refusal(machine.spawn, value)
            refusal(machine.spawn_python, value)
            refusal(machine.spawn_python, in_python, value) if value != 99 and value != -1 else None
            refusal(machine.kill, job, value)
        for value in (-1, "x", b"", object(), float("nan"), [], {}):
            refusal(machine.run, value)
        for value in (b"\0", "\0", "a\0b"):
            refusal(machine.spawn, "hello", value)
            refusal(lambda v: machine.spawn("hello", env={"A": v}), value)
            refusal(lambda v: machine.spawn_python(in_python, 1, env={"A": v}), value)
            refusal(lambda v: machine.spawn_python(in_python, 1, name=v), value)
        for value in (7, "", ".", "..", "a/b", "x" * 256, "\ud800"):
            refusal(lambda v: machine.spawn_python(in_python, 1, name=v), value)
        refusal(lambda: machine.spawn("hello", env=7))
        refusal(machine.call, 0, "ping", object())
        refusal(machine.call, 0, "ping", 1, 2)
        refusal(machine.kill, foreign)
        refusal(machine.call, 99, "ping")
        assert [machine.call(cpu, "ping", cpu) for cpu in (0, 1)] == [0, 1]
        machine.kill(job)
        other.kill(foreign)
        machine.run()
        other.run()
        assert (job.exit_status, foreign.exit_status) == (137, 137)


def test_a_forked_child_can_do_nothing_to_the_machine_and_its_end_is_not_the_machines(boot):
    with boot(2) as machine:
        job = machine.spawn("primes", 1_000_000)
        server = children._forkserver._process.pid

        def use():
            for name, arguments in CALLS.items():
                assert "forked child" in refusal(getattr(machine, name), *arguments)
            refusal(lambda: job.done)
            machine.__exit__()
            assert children._forkserver is None and psutil.pid_exists(server)

        assert forked(use) == 0
        machine.run()
        assert job.exit_status == 0


SCRIPT = """
import os, sys
from emu import Machine
machine = Machine(cpus=2, quiet=True, stdout=os.open(os.devnull, os.O_WRONLY)).__enter__()
job = machine.spawn("primes", 1_000_000)
"""
ENDS = {
    "sys.exit in a forked child, the with block left in the parent": """
child = os.fork()
if child == 0:
    sys.exit(5)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
machine.run()
print(job.exit_status)
machine.__exit__()
""",
    "a live machine at the interpreter's exit": "print(0)",
    "sys.exit with a live machine": "print(0, flush=True)\nsys.exit(0)",
    "os._exit": "print(0, flush=True)\nos._exit(0)",
    "a machine of its own in a forked child": """
machine.run()
machine.__exit__()
child = os.fork()
with Machine(cpus=1, quiet=True) as machine:
    job = machine.spawn("exitcode", 0)
    machine.run()
if child:
    print(os.waitpid(child, 0)[1] + job.exit_status)
""",
    "an exception inside with": """
try:
    with Machine(cpus=1, quiet=True) as other:
        other.spawn("sleepers", 1, 60_000)
        raise ValueError
except ValueError:
    print(0)
""",
}


@pytest.mark.parametrize("end", ENDS)
def test_however_a_script_ends_nothing_is_left(warm, end, tmp_path):
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "EMU_TEST_MARKER": str(tmp_path)}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT + ENDS[end]], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "0\n" and done.stderr == "" and done.returncode == 0
    mark, until = f"EMU_TEST_MARKER={tmp_path}".encode(), time.monotonic() + (5 if end == "os._exit" else 0)
    while (left := [p.pid for p in psutil.process_iter() if has_mark(p.pid, mark)]) and time.monotonic() < until:
        time.sleep(0.01)
    assert not left
    assert end == "os._exit" or not list(tmp_path.glob("emu-*/*"))


def has_mark(pid, mark):
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def exit_status_of_hello(_):
    with Machine(1, quiet=True, stdout=os.open(os.devnull, os.O_WRONLY)) as machine:
        job = machine.spawn("hello")
        machine.run()
        return job.exit_status


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_pools_before_during_and_after_a_machine(boot, method):
    context = multiprocessing.get_context(method)
    with context.Pool(2) as before:
        assert before.map(abs, [-1, 2]) == [1, 2]
        with boot(2) as machine:
            job = machine.spawn("naps", 4, 20)
            with context.Pool(2) as during:
                assert during.map(abs, [-3]) == [3] and before.map(abs, [-4]) == [4]
            machine.run()
            assert job.exit_status == 0
        with context.Pool(2) as after:
            assert after.map(abs, [-5]) == [5]
    if method != "forkserver":
        workers = context.Pool(1)
        try:
            assert workers.map(exit_status_of_hello, [0]) == [0]
        finally:
            workers.close()
            workers.join()
    if method == "forkserver":
        multiprocessing.forkserver._forkserver._stop()


def test_two_machines_at_once_and_one_after_the_other(boot):
    with boot(1) as first, boot(2) as second:
        jobs = [first.spawn("exitcode", 3), second.spawn("exitcode", 4)]
        for machine in (second, first):
            machine.run()
        assert [job.exit_status for job in jobs] == [3, 4]
    with boot(1) as third:
        job = third.spawn("exitcode", 5)
        third.run()
        assert job.exit_status == 5


def test_a_machine_that_is_dropped_ends_with_a_warning(warm):
    machine = Machine(2, quiet=True, stdout=os.open(os.devnull, os.O_WRONLY)).__enter__()
    machine.spawn("sleepers", 2, 60_000)
    processes = [psutil.Process(p.pid) for p in machine._processes.values()]
    directory = machine._directory
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del machine
        gc.collect()
    assert [w.category for w in caught] == [ResourceWarning] and "dropped while it ran" in str(caught[0].message)
    assert not psutil.wait_procs(processes, timeout=10)[1] and not directory.exists()


def test_a_second_thread_is_refused_while_the_first_is_in_a_call_and_may_ask_about_jobs(boot):
    with boot(2) as machine:
        job = machine.spawn("sleepers", 2, 60_000)
        thread = threading.Thread(target=machine.run, name="runner")
        thread.start()
        while "runner" not in machine._user:
            time.sleep(0.001)
        assert "thread runner does" in refusal(machine.threads)
        assert not job.done
        interrupt_all()
        thread.join()
        assert job.exit_status == 130 and machine.report().interrupted
        assert machine.threads() == [], "its turn is over"


def test_an_answer_that_nobody_waits_for_any_more_is_not_taken_for_the_next(boot, monkeypatch):
    """Ctrl-C while the server is asked: the answer comes all the same."""
    with boot(1) as machine:
        real = machine._receive

        def interrupted(*arguments):
            machine._receive = real
            raise KeyboardInterrupt

        machine._receive = interrupted
        with pytest.raises(KeyboardInterrupt):
            machine.report()
        job = machine.spawn("exitcode", 3)
        machine.run()
        assert job.exit_status == 3


def test_ctrl_c_in_run_ends_the_guests_and_is_a_keyboard_interrupt(boot):
    with boot(2) as machine:
        job = machine.spawn("sleepers", 2, 60_000)
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            machine.run()
        assert job.exit_status == 130 and machine.report().interrupted
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_while_a_machine_boots_or_ends_comes_when_it_is_done(boot, monkeypatch):
    """What would be left half done is finished first."""
    for step in ("_segments", "_stop_all"):
        real = getattr(Machine, step)

        def interrupted(self, *arguments, real=real):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
            return real(self, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(Machine, step, interrupted)
            machine = boot(1)
            with pytest.raises(KeyboardInterrupt), machine:
                machine.spawn("hello")
                machine.run()
        assert machine._state == "ended" and not machine._processes
