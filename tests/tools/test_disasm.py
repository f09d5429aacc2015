"""`emu disasm` as a user types it, and `emu run --profile`: listings, heat, tables, and every kind of bad input."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.systems.guests import build_guest

ROOT = Path(__file__).resolve().parents[2]
TEXT = """
__attribute__((noinline)) static long twice(long n) {
    long sum = 0;
    for (long k = 0; k < n; k++)
        __asm__ volatile("add %0, %0, %1" : "+r"(sum) : "r"(k));
    return sum;
}
int main(void) { return twice(30000000) == 7; }
"""


def emu(tool, *arguments):
    command = [sys.executable, str(ROOT / "tools" / f"{tool}.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """The path of a guest with the names of its functions."""
    return build_guest(tmp_path_factory.mktemp("twice"), TEXT, "twice")


@pytest.fixture(scope="module")
def stripped(tmp_path_factory):
    return build_guest(tmp_path_factory.mktemp("stripped"), TEXT, "stripped", "-s")


def listing(*arguments):
    done = emu("disasm", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()[1:]


def test_a_function_is_listed_with_addresses_bytes_and_named_targets(twice):
    head, *lines = listing(twice, "twice")
    assert re.fullmatch(r"0x[0-9a-f]+ <twice>:", head)
    address = int(head.split()[0], 16)
    for line in lines:
        found = re.fullmatch(r" *([0-9a-f]+):  ([0-9a-f]{4}|[0-9a-f]{8}) +([a-z0-9.]+)( .*)?", line)
        assert found and int(found[1], 16) == address, line
        address += len(found[2]) // 2
    assert any("<twice+0x" in line for line in lines), "the loop's branch names its target"
    assert any(line.endswith("<twice>") for line in listing(twice, "main")), "so does the call"
    assert listing(twice, f"{address - 2:#x}") == [head, *lines], "any address in it is a name for it, too"


def test_a_whole_program_is_listed_and_a_stripped_one_has_no_names(twice, stripped):
    heads = [line for line in listing(twice) if line.endswith(">:")]
    assert len(heads) > 10 and heads == sorted(heads, key=lambda line: int(line.split()[0], 16))
    lines = listing(stripped)
    assert lines[0].endswith("<code>:") and len(lines) > 100


def test_a_profile_is_printed_and_its_file_heats_the_listing(twice, tmp_path):
    file = tmp_path / "profile"
    done = emu("run", "--quiet", "--cpus", 1, "--profile-file", file, twice)
    assert done.returncode == 0 and done.stdout == ""
    table = [line.split() for line in done.stderr.splitlines()]
    assert ["function", "program", "share", "instructions", "samples"] in table
    [row] = [line for line in table if line[:2] == ["twice", "twice.elf"]]
    assert float(row[2].rstrip("%")) > 95
    assert "shares of retired instructions (not of time)" in done.stderr
    for line in file.read_text().splitlines():
        assert re.fullmatch(r"twice\.elf(;[^;]+){1,2} \d+|#emu {.*}", line), line
    head, *lines = listing(twice, "--heat", file)[:30]
    assert re.fullmatch(r"0x[0-9a-f]+ <twice>:  (9\d\.\d|100\.0)%", head), "most first"
    heated = [float(line.split("%")[0]) for line in lines if re.match(r" *[\d.]+%", line)]
    assert len(heated) >= 3 and sum(heated) > 95
    assert emu("disasm", "hello", "--heat", file).stderr == (
        f"emu: profile {file}: has no sample of hello, only of twice.elf\n"
    )


def test_a_profile_without_a_file_is_a_table_only():
    done = emu("run", "--quiet", "--cpus", 1, "--profile", "primes", 200_000, 1)
    assert done.returncode == 0 and "share" in done.stderr and "primes" in done.stderr


def test_a_program_too_short_for_a_sample_says_so():
    done = emu("run", "--quiet", "--cpus", 1, "--profile", "exitcode", 3)
    assert done.returncode == 3
    assert "no sample" in done.stderr or "samples" in done.stderr


def refused(done, words):
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("emu: ") and words in done.stderr, done.stderr


def test_bad_input_is_refused_in_one_line(twice, stripped, tmp_path):
    refused(emu("disasm", twice, "twicee"), "near: twice")
    refused(emu("disasm", twice, "0x10"), "no function '0x10'")
    refused(emu("disasm", stripped, "main"), "(stripped?)")
    refused(emu("disasm", "primes", "mian"), "near: main")
    refused(emu("disasm", sys.executable), "expected RISC-V")
    refused(emu("disasm", tmp_path / "absent"), "No such file")
    refused(emu("disasm", tmp_path), "is a directory")
    refused(emu("disasm", twice, "--heat", tmp_path / "absent"), "cannot be read")
    refused(emu("disasm", twice, "--heat", twice), "damaged")
    refused(emu("disasm"), "missing argument")
    refused(emu("run", "--profile-file", "/no/such/place/profile", twice), "--profile-file /no/such/place/profile")
    refused(emu("run", "--profile-file", "", twice), "--profile-file")
    assert not (tmp_path / "absent").exists()


def test_a_profile_that_a_full_disk_refuses_loses_nothing_else():
    done = emu("run", "--cpus", 1, "--profile-file", "/dev/full", "primes", 1_000_000, 1)
    assert (done.returncode, done.stdout) == (2, "78498 primes below 1000000\n")
    assert "count_chunks" in done.stderr
    assert done.stderr.splitlines()[-1] == "emu: profile /dev/full: cannot be written: No space left on device"
