"""Shell scripts under Debian's static shells write byte for byte what they write on Linux (tests/shell/README.md)."""

from pathlib import Path

import pytest

from tests.guests.programs import run_programs

HERE = Path(__file__).resolve().parent
SHELLS = HERE.parents[1] / "build" / "shells"
SCRIPTS = sorted(path.name for path in (HERE / "scripts").iterdir())
# musl and glibc call the shell by this path, and the scripts find nothing but the tools of busybox in theirs.
BEGIN = "ln -s /shells/sh /bin/sh; PATH=/shells exec bash /tests/all.bash /tests/scripts /out /tmp/work"


def test_each_script_has_an_expectation_and_a_feature_of_its_own():
    assert sorted(path.name for path in (HERE / "expected").iterdir()) == SCRIPTS
    assert len(SCRIPTS) >= 50
    assert len({name.rpartition(".")[0] for name in SCRIPTS}) == len(SCRIPTS)


@pytest.mark.skipif(not (SHELLS / "bash").exists(), reason="needs static shells: tests/shell/shells.sh build/shells")
def test_scripts_write_what_they_write_on_linux(warm, tmp_path):
    mounts = [f"{SHELLS}:/shells", f"{HERE}:/tests", f"{tmp_path}:/out:rw"]
    command = (SHELLS / "bash", "-c", f"PATH=/shells; {BEGIN}")
    [(status, output)], report = run_programs([command], 2, "inko", seed=1, mounts=mounts)
    assert (status, output) == (0, "")
    assert report.failure == ""
    assert report.unknown_calls == {}
    got = {name: (tmp_path / name).read_text() for name in SCRIPTS}
    wrong = {name: got[name] for name in SCRIPTS if got[name] != (HERE / "expected" / name).read_text()}
    assert wrong == {}
