"""Unmodified C programs under 1, 2, 4 and 16 CPUs and both policies; each checks itself."""

import pytest

from guests import build

from .programs import NAMES, SOURCES, run_programs

ET_DYN = 3


@pytest.mark.parametrize("policy", ["inko", "random"])
@pytest.mark.parametrize("cpus", [1, 2, 4, 16])
@pytest.mark.parametrize("name", NAMES)
def test_program_finds_nothing_wrong(programs, name, cpus, policy):
    [(status, output)], report = run_programs([(programs[name],)], cpus, policy, seed=cpus)
    assert status == 0, output
    assert output.endswith(f"ok {name}\n")
    assert report.failure == ""
    assert report.threads_created == report.threads_exited
    if policy == "random":
        assert report.migrations == 0  # rust-10: the original never moves a thread


def test_floats_are_printed_as_on_other_machines(programs):
    [(_, output)], _ = run_programs([(programs["floats"],)], 2, "inko", seed=1)
    expected = (SOURCES / "floats.expected").read_text()
    assert output.startswith(expected) or expected.startswith(output.removesuffix("ok floats\n"))


@pytest.mark.parametrize("name", ["tls", "qsort"])
def test_static_position_independent_program(name, tmp_path):
    path = tmp_path / f"{name}.elf"
    build.compile_c(SOURCES / f"{name}.c", path, "-fPIE", "-pie")
    assert int.from_bytes(path.read_bytes()[16:18], "little") == ET_DYN
    [(status, output)], _ = run_programs([(path,)], 2, "inko", seed=1)
    assert (status, output) == (0, f"ok {name}\n")
