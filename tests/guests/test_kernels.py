"""The guests of the CPU benchmark print what native code of the same sources prints, and what Python finds."""

import pytest

from emu.guests.build import BIN

from .kernel_oracles import ORACLES
from .programs import run_programs

COREMARK, KERNELS = BIN / "bench_coremark.elf", BIN / "bench_kernels.elf"

# Printed by native code: cc -O2 -ffp-contract=off.
COREMARKS = {("0",): "0000", ("1",): "727d", ("300",): "af34", ("100", "5"): "8eae"}
TWICE = {
    "sieve": "00020a4c03124d92",
    "sha": "ccd06ce4ecdae48e",
    "matrix": "d2b41710a6a9b49d",
    "sort": "abdf4dfaf1a99f0a",
    "hash": "00000000434edb72",
    "lz": "0c280698d3d6f3ee",
    "string": "00000113caf9441f",
    "nbody": "546d05d00652253b",
}


def outputs(programs):
    results, report = run_programs(programs, 1, "inko", seed=1)
    assert report.failure == ""
    return results


def test_the_coremark_shaped_guest_prints_what_native_code_prints():
    assert outputs([(COREMARK, *arguments) for arguments in COREMARKS]) == [
        (0, f"checksum {expected}\n") for expected in COREMARKS.values()
    ]


def test_every_kernel_prints_what_native_code_prints():
    assert outputs([(KERNELS, kernel, "2") for kernel in TWICE]) == [(0, f"{k} {v}\n") for k, v in TWICE.items()]


@pytest.mark.parametrize("kernel", ORACLES)
def test_native_code_prints_what_python_finds(kernel):
    assert f"{ORACLES[kernel](2):016x}" == TWICE[kernel]


def test_a_kernel_that_is_none_is_a_clear_error_with_their_names():
    for arguments in ((), ("bubble",)):
        [(status, output)] = outputs([(KERNELS, *arguments)])
        assert status == 2
        assert output == f"usage: bench_kernels KERNEL [ITERATIONS]; KERNEL is {' '.join(TWICE)}\n"
