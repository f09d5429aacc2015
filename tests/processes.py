"""Commands and programs under test, their processes and threads."""

import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil

from emu.machine import directory

COMPUTING_S = 0.1
NAPS = 50  # a thread that only starts and ends waits a few times, too: for the interpreter's lock


def children_of(process):
    """All that it has started, and they in turn."""
    return psutil.Process(process.pid).children(recursive=True)


def cpus_of(process):
    """Those that are CPUs of a machine."""
    found = []
    for child in children_of(process):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            found += [child] if child.name().startswith("emu-cpu-") else []
    return found


def _computed_s(process):
    try:
        return process.cpu_times().user
    except psutil.NoSuchProcess:
        return 0.0


def wait_until(process, condition):
    """Until a condition holds while a command runs; what made it hold."""
    end = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < end and process.poll() is None, "the command does not get there"
        time.sleep(0.002)
    return found


def wait_for_work(process, cpus=2):
    """Until so many CPUs of a command have computed for a while."""
    wait_until(process, lambda: sum(_computed_s(cpu) > COMPUTING_S for cpu in cpus_of(process)) >= cpus)


def waits_in_hot_code(thread):
    """Until a thread naps again and again, as who waits for a lock (spinlock.backoff); False when it ends before.

    What it calls is compiled already.
    """
    status = Path(f"/proc/self/task/{thread.native_id}/status")
    while thread.is_alive():
        with contextlib.suppress(FileNotFoundError):  # it has just ended
            naps = re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status.read_text(), re.MULTILINE)
            if int(naps[1]) > NAPS:
                return True
        time.sleep(0.001)
    return False


def gone(processes):
    """Whether they have ended, or do so in a while."""
    return not psutil.wait_procs(processes, timeout=10)[1]


def checking_build(path, program, *arguments):
    """What a program prints that runs in a checking build: a build of its own, in a process of its own.

    LLVM does not optimise it: it is compiled for this, which takes longer than it runs.
    """
    path.write_text(program)
    environment = {**os.environ, "EMU_CHECK": "1", "NUMBA_OPT": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, path, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def directories_of(pid):
    """The socket directories of a process's machines, wherever it put them."""
    return [path for place in directory._places() for path in directory._root_in(place).glob(f"{pid}-*")]
