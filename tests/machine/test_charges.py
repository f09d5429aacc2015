"""On a whole machine: guests' use of the server stays within --memory, and the next program has it all again."""

import time

import psutil
import pytest

from emu.limits import MIB, SERVER
from tests.systems.guests import build_guest

MEMORY_MIB = 12
CONSTANT_MIB = 12  # what the server may hold beside: its own state, and what the allocator keeps

HOARDER = """
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
static char data[65536];
/* argv[1] says what is hoarded until there is no more; then the program waits to be killed. */
int main(int argc, char **argv) {
    struct rlimit limit = {65536, 65536};
    int ends[2], made = 0, failed = 0;
    if (argc < 2 || setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 99;
    dprintf(1, "%s are hoarded\\n", argv[1]); /* the pages that the last line needs */
    for (; made < 200000 && !failed; made++) {
        switch (argv[1][0]) {
        case 'p': failed = pipe(ends) != 0 || write(ends[1], data, sizeof data) < 0; break;
        case 'o': failed = open("/dev/null", O_RDONLY) < 0; break;
        case 'd': failed = mkdir("d", 0755) != 0 || chdir("d") != 0; break;
        }
    }
    int error = errno;
    dprintf(1, "%d made, errno %d\\n", made, error);
    pause();
}
"""


def server_mib(machine):
    process = psutil.Process(int(machine.window.machine["cpus"][SERVER]["process"]))
    return process.memory_full_info().uss / MIB


def until(done):
    """Look again and again; nobody tells a supervisor what a guest has printed."""
    deadline = time.monotonic() + 100
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ends(job):
    until(lambda: job.done)


@pytest.mark.parametrize("what", ["pipes", "open files", "directories"])
def test_a_hoarder_stays_within_the_memory_and_leaves_nothing(boot, tmp_path, what):
    program = build_guest(tmp_path, HOARDER)
    with boot(2, memory=f"{MEMORY_MIB}M") as machine:
        ends(machine.spawn("hello"))
        before_mib, free = server_mib(machine), int(machine.window.machine["nr_free_frames"])
        job = machine.spawn(program, what)
        until(lambda: job.done or b"errno" in machine.output.read_bytes())
        assert not job.done and b"errno" in machine.output.read_bytes(), machine.output.read_bytes()
        assert server_mib(machine) - before_mib < MEMORY_MIB + CONSTANT_MIB
        machine.kill(job)
        ends(job)
        if what != "directories":
            assert int(machine.window.machine["nr_free_frames"]) == free
            again = machine.spawn("hello")
            ends(again)
            assert again.exit_status == 0
        report = machine.run()
    assert report.leaks == {} and report.failed_calls == {}
