"""Ctrl-C ends a command at once, whatever its guest does and whoever reads its output."""

import os
import signal
import subprocess
import sys

import pytest

from emu.guests import build
from tests.kills.trial import Trial
from tests.processes import wait_until

BOUND_S = 5.0  # it takes a tenth of that on a host with nothing else to do

PROGRAM = """
#include <string.h>
#include <unistd.h>
static char data[1 << 16];
int main(int argc, char **argv) {
    const char *does = argc > 1 ? argv[1] : "";
    write(2, "at work\\n", 8);
    for (;;) {
        if (strcmp(does, "prints") == 0) write(1, data, sizeof data);
        if (strcmp(does, "sleeps") == 0) pause();
    }
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    directory = tmp_path_factory.mktemp("ctrl-c")
    (directory / "endless.c").write_text(PROGRAM)
    build.compile_c(directory / "endless.c", directory / "endless.elf")
    return directory / "endless.elf"


@pytest.mark.parametrize("does, reader", [("prints", True), ("computes", True), ("computes", False), ("sleeps", False)])
def test_ctrl_c_ends_a_command_at_once(warm, program, does, reader):
    """With a reader of the output that never reads, or without one.

    On a busy host the machine may not end within the time it is given, and then there is no summary: three tries.
    """
    for last in (False, False, True):
        with Trial(["run", "--cpus", 2, program, does]) as trial:
            assert wait_until(trial.process, lambda: "at work" in trial.errors())
            if not reader:
                trial.process.stdout.close()
            trial.send(signal.SIGINT, group=True)
            status, took_s = trial.wait()
            assert status == 130 and took_s < BOUND_S and not trial.left(0), trial.errors()
            assert "Traceback" not in trial.errors()
            if "interrupted: the guest was killed" in trial.errors():
                return
            assert trial.errors().strip() == "at work" and not last  # perhaps the empty line before the summary


ENDS_TWICE = """
import os, signal, time
from emu.commands import ending

kill_children = ending._kill_children

def killed_again():
    os.kill(os.getpid(), signal.SIGTERM)
    kill_children()

ending.install()
ending._kill_children = killed_again
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
"""


def test_a_second_signal_while_the_first_ends_the_process_does_not_hold_it_up():
    """Its handler is called within the first one's, which would wait for itself."""
    process = subprocess.run([sys.executable, "-c", ENDS_TWICE], capture_output=True, text=True, timeout=30)
    assert (process.returncode, process.stdout, process.stderr) == (143, "", "")


ENDS_WITH_A_LOCK_HELD = """
import os, signal, tempfile, time
from emu.commands import ending
from emu.machine import directory

ending.install()
made = directory.make_directory()
tempfile.tempdir = None
tempfile._once_lock.acquire()  # as while tempfile looks for the temporary directory, which the host may draw out
print(made, flush=True)
os.kill(os.getpid(), signal.SIGHUP)
time.sleep(60)
"""


def test_a_signal_that_comes_while_python_holds_a_lock_of_its_own_ends_the_process_all_the_same():
    """Ending may not want a lock that the interrupted thread holds: it would wait for itself, and for ever."""
    ended = subprocess.run([sys.executable, "-c", ENDS_WITH_A_LOCK_HELD], capture_output=True, text=True, timeout=20)
    assert ended.returncode == 128 + signal.SIGHUP and not os.path.exists(ended.stdout.strip())
