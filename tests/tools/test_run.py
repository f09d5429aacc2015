"""The command as a user types it: streams, statuses, summaries, and every kind of bad input."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import children_of, cpus_of, directories_of, gone, wait_for_work

ROOT = Path(__file__).resolve().parents[2]
RUN = [sys.executable, str(ROOT / "tools" / "run.py")]


def emu(*arguments, **options):
    return subprocess.run([*RUN, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


def test_output_is_the_guests_and_the_summary_is_beside_it():
    done = emu("--cpus", 2, "hello")
    assert (done.returncode, done.stdout) == (0, "hello from emu\n")
    assert "IPIs by bit" in done.stderr and "threads 1 created, 1 exited" in done.stderr
    assert re.search(
        r"host CPU seconds: CPUs [\d.]+ \(.*\), server [\d.]+, timekeeper [\d.]+, translator [\d.]+, supervisor",
        done.stderr,
    )


def test_the_summary_fits_sixty_columns_without_losing_a_column():
    done = emu("--cpus", 2, "hello", env={**os.environ, "COLUMNS": "60"})
    assert max(map(len, done.stderr.splitlines())) <= 60
    assert all(name in done.stderr for name in ("process", "IPIs by bit", "by ZeroMQ", "instructions", "MIPS", "seed"))


def test_quiet_says_nothing():
    assert emu("--quiet", "--cpus", 1, "hello").stderr == ""


def test_status_is_the_guests():
    assert emu("--quiet", "--cpus", 1, "exitcode", 37).returncode == 37
    assert emu("--quiet", "--cpus", 1, "faults", "abort").returncode == 134


def test_standard_input_reaches_the_guest():
    done = emu("--quiet", "--cpus", 2, "echo", input="some words\n" * 1000)
    assert done.stdout == "some words\n" * 1000
    assert done.returncode == len(done.stdout) % 128


def test_arguments_and_variables_reach_the_guest():
    done = emu("--quiet", "--cpus", 1, "--env", "EMU_TEST=blue", "args", "--flag", "two words")
    assert "two words" in done.stdout and "--flag" in done.stdout and "blue" in done.stdout


LEAVES_FILES = """
int main(void) {
    FILE *file = fopen("/tmp/left", "w"), *gone = fopen("/tmp/gone", "w");
    for (int k = 0; k < 3 * 4096; k++) {
        fputc('x', file);
        fputc('y', gone);
    }
    fclose(file);
    return remove("/tmp/gone"); /* still open */
}
"""


@pytest.mark.system("rust-12")
def test_tracked_allocations_are_all_freed_and_files_that_remain_are_said(tmp_path):
    from tests.systems.guests import build_guest

    done = emu("--quiet", "--cpus", 2, "--track-allocations", "hello")
    assert done.stderr == "nothing leaked: all kernel allocations were freed\n"
    done = emu("--quiet", "--cpus", 2, "--track-allocations", build_guest(tmp_path, LEAVES_FILES))
    assert (done.returncode, done.stderr.splitlines()) == (0, [
        "1 files remained, with 3 pages of data: freed with the machine",
        "nothing leaked: all kernel allocations were freed",
    ])  # fmt: skip


def test_json_summary(tmp_path):
    file = tmp_path / "report.json"
    done = emu("--cpus", 2, "--seed", 5, "--json", file, "primes", 10000, 4)
    report = json.loads(file.read_text())
    assert done.stderr == ""
    assert report["exit_status"] == 0 and report["seed"] == 5 and len(report["cpus"]) == 2
    assert report["threads_created"] == report["threads_exited"] == 5
    seconds = {each["name"]: each["cpu_s"] for each in report["processes"]}
    assert seconds.keys() == {"emu-cpu-0", "emu-cpu-1", "emu-server", "emu-timekeeper", "emu-translator", "supervisor"}
    assert all(0 <= each < 60 for each in seconds.values()) and seconds["emu-cpu-0"] + seconds["emu-cpu-1"] > 0
    assert {"process", "busy_share", "switches", "steals", "migrations_in", "migrations_out", "ipis_bit",
            "ipis_message", "instructions", "mips"} <= set(report["cpus"][0])  # fmt: skip


def test_mount_is_readable_and_not_writable(tmp_path):
    (tmp_path / "note").write_text("from the host\n")
    with open(tmp_path / "note") as note:
        done = emu("--quiet", "--cpus", 1, "--mount", f"{tmp_path}:/data", "echo", stdin=note)
    assert done.stdout == "from the host\n"


@pytest.mark.parametrize("options", [["--cpus", 0], ["--policy", "./nowhere.py"], ["--mount", "/no/such/place:/data"]])
def test_a_bad_option_is_refused_in_one_line(options):
    refused(emu(*options, "hello"), str(options[1]).partition(":")[0])


def test_a_cache_that_cannot_be_written_is_one_line():
    refused(emu("hello", env={**os.environ, "EMU_CACHE_DIR": "/dev/null/cache"}), "EMU_CACHE_DIR")


def test_a_bad_program_is_refused_in_one_line(tmp_path):
    refused(emu("--cpus", 2, "/no/such/program"), "No such file or directory")
    refused(emu("--cpus", 2, tmp_path), "is a directory")


def test_a_program_that_needs_more_memory_than_there_is_is_one_line():
    done = emu("--quiet", "--cpus", 1, "--memory", "4M", "bench_mem", 1)
    assert done.returncode in (2, 137) and "--memory" in done.stderr


def refused(done, words):
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("emu: "), done.stderr
    assert any(word in done.stderr for word in words.split("|")), done.stderr


@pytest.fixture
def endless():
    """A machine whose CPUs compute for ever: its process, and that one's children."""
    command = [*RUN, "--cpus", "4", "independent", "8", "2000000000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for_work(process)
        yield process, children_of(process)
    finally:
        process.kill()
        process.communicate()


def test_ctrl_c_kills_the_guest_and_prints_the_summary(endless):
    process, children = endless
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted: the guest was killed" in errors
    assert gone(children)


def test_a_killed_supervisor_takes_everything_with_it(endless):
    process, children = endless
    process.kill()
    process.communicate(timeout=30)
    assert gone(children)
    assert emu("--quiet", "--cpus", 1, "hello").returncode == 0  # and sweeps what was left
    assert directories_of(process.pid) == []


def test_a_killed_cpu_fails_the_machine_cleanly(endless):
    process, children = endless
    max(cpus_of(process), key=lambda c: c.cpu_times().user).kill()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 70
    assert errors.startswith("emu: the machine failed: the process of CPU ") and len(errors.splitlines()) == 1
    assert gone(children)
