"""Standard streams of the command that are closed, full, or have lost their reader."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from emu.guests import build

ROOT = Path(__file__).resolve().parents[2]
EMU = [sys.executable, "-c", "from emu.commands.cli import main; main()"]
RUN = [*EMU, "run", "--quiet", "--cpus", "2"]

# Exit status: one bit for each of the standard descriptors that fails with EBADF, 64 when a file gets another number.
PROGRAM = """
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void) {
    char byte;
    int closed = 0, lowest;
    if (read(0, &byte, 1) < 0 && errno == EBADF) closed |= 1;
    if (write(1, "out\\n", 4) < 0 && errno == EBADF) closed |= 2;
    if (write(2, "err\\n", 4) < 0 && errno == EBADF) closed |= 4;
    for (lowest = 0; lowest < 3 && !(closed >> lowest & 1); lowest++) {}
    return closed | (open("/dev/null", O_RDONLY) == lowest ? 0 : 64);
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    directory = tmp_path_factory.mktemp("streams")
    (directory / "streams.c").write_text(PROGRAM)
    build.compile_c(directory / "streams.c", directory / "streams.elf")
    return directory / "streams.elf"


def shell(command, redirections, **options):
    """Run a command with redirections of the shell, which is how descriptors get closed."""
    words = " ".join(f"'{word}'" for word in map(str, command))
    return subprocess.run(
        ["bash", "-c", f"{words} {redirections}"], capture_output=True, text=True, timeout=120, **options
    )


@pytest.mark.parametrize(
    ("redirections", "closed", "out", "err"),
    [(">&-", 2, "", "err\n"), ("<&- 2>&-", 5, "out\n", "")],
)
def test_a_closed_descriptor_is_closed_for_the_guest(warm, program, redirections, closed, out, err):
    done = shell([*RUN, program], redirections)
    assert (done.returncode, done.stdout, done.stderr) == (closed, out, err)


def test_a_closed_descriptor_is_closed_for_the_guest_of_a_library_user(warm, program):
    script = textwrap.dedent(f"""
        import os, sys
        for descriptor in range(3):
            os.close(descriptor)
        from emu import Machine
        with Machine(cpus=1, quiet=True) as machine:
            job = machine.spawn({str(program)!r})
            machine.run()
        os._exit(job.exit_status)
    """)
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == 7


def test_a_descriptor_that_is_not_open_is_refused():
    from emu import Machine, MachineError

    with pytest.raises(MachineError, match="stdout=999: not an open descriptor"), Machine(1, stdout=999, quiet=True):
        pass


def test_a_summary_that_nobody_takes_changes_no_status(warm):
    command = [*EMU, "run", "--cpus", "1", "exitcode", "37"]
    reader, writer = os.pipe()
    os.close(reader)
    with open("/dev/full", "w") as full:
        assert subprocess.run(command, stderr=full, timeout=120).returncode == 37
    assert subprocess.run(command, stderr=writer, timeout=120).returncode == 37
    os.close(writer)


STUCK = """
#include <pthread.h>
#include <unistd.h>
static char data[1 << 20];
static void *write_for_ever(void *none) {
    while (write(1, data, sizeof data) > 0) {}
    return none;
}
int main(void) {
    char path[64];
    pthread_t writer;
    pthread_create(&writer, 0, write_for_ever, 0);
    for (int i = 0; i < 2000; i++)
        if (!getcwd(path, sizeof path)) return 1;
    write(2, "served\\n", 7);
    pthread_join(writer, 0);
    return 0;
}
"""


def test_output_that_nobody_reads_holds_nobody_up_and_ctrl_c_ends_it(warm, tmp_path):
    (tmp_path / "stuck.c").write_text(STUCK)
    build.compile_c(tmp_path / "stuck.c", tmp_path / "stuck.elf")
    command = [*RUN, str(tmp_path / "stuck.elf")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr.read(6) == b"served"
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        finally:
            process.kill()


def test_output_without_a_reader_ends_a_command_as_sigpipe_does():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*EMU, "policies"], stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_output_that_cannot_be_written_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run([*EMU, "policies"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "emu: standard output cannot be written: No space left on device\n"


def test_messages_do_not_go_to_standard_output_when_standard_error_is_closed():
    done = shell([*RUN, "/no/such/program"], "2>&-")
    assert (done.returncode, done.stdout) == (2, "")


def test_a_guest_whose_reader_leaves_gets_sigpipe(warm):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*RUN, "hello"], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")
