"""Traps end the guest's task as by the matching signal, with one line for the person."""

import re

import pytest

from .programs import ROOT, run_programs

FAULTS = ROOT / "emu" / "guests" / "bin" / "faults.elf"
SIGNALS = {
    "illegal": (4, "SIGILL: illegal instruction"),
    "ebreak": (5, "SIGTRAP: breakpoint"),
    "null": (11, "SIGSEGV: store to memory that is not writable (address 0x0)"),
    "unmapped": (11, "SIGSEGV: load from memory that is not readable"),
    "readonly": (11, "SIGSEGV: store to memory that is not writable"),
    "exec": (11, "SIGSEGV: jump to memory that is not executable"),
    "stack": (11, "SIGSEGV: store to memory that is not writable"),
    "amo": (7, "SIGBUS: misaligned atomic access"),
}


@pytest.mark.parametrize("kind", SIGNALS)
def test_fault_is_a_signal_and_one_line(kind):
    [(status, output)], report = run_programs([(FAULTS, kind)], 2, "inko", seed=1)
    number, words = SIGNALS[kind]
    assert status == 128 + number
    lines = [line for line in output.splitlines() if line.startswith("emu:")]
    assert len(lines) == 1
    assert words in lines[0]
    assert re.search(r"at pc=0x[0-9a-f]+: [.a-z][^;]*; ra=[0-9a-f]+ sp=", lines[0])
    assert report.failure == ""


def test_abort_is_the_programs_own_business():
    [(status, output)], _ = run_programs([(FAULTS, "abort")], 2, "inko", seed=1)
    assert status == 134
    assert "emu:" not in output
