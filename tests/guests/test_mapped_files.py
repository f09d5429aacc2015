"""Host files that guests map: the program that maps the machine's own files finds nothing wrong with them either."""

import pytest

from .programs import run_programs


@pytest.mark.parametrize("cpus", [1, 4])
def test_mappings_of_mounted_files_are_as_those_of_the_machines_own(programs, tmp_path, cpus):
    results, _ = run_programs([(programs["mappedfiles"], "/mnt")], cpus, "inko", seed=1, mounts=[f"{tmp_path}:/mnt:rw"])
    assert results == [(0, "ok mappedfiles\n")]
    left = (tmp_path / "left").read_bytes()
    assert len(left) == 4096 + 11 and left.endswith(b"left behind"), "stored to a mapping, and written back at the end"
