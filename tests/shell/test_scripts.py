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


# fs0 has no FIFOs, and the machine executes no program, nor /bin/sh, that lies in its files.
NOT_ON_FS0 = {"fifos.sh", "replacing.sh", "sed_and_awk.sh"}
ON_FS0 = [name for name in SCRIPTS if name not in NOT_ON_FS0][::3]


@pytest.mark.skipif(not (SHELLS / "bash").exists(), reason="needs static shells: tests/shell/shells.sh build/shells")
@pytest.mark.parametrize("server", [None, pytest.param("fs0", marks=pytest.mark.system("cz-15"))])
def test_scripts_write_what_they_write_on_linux(warm, tmp_path, server):
    scripts = ON_FS0 if server else SCRIPTS
    mounts = [f"{SHELLS}:/shells", f"{HERE}:/tests", f"{tmp_path}:/out:rw"]
    command = (SHELLS / "bash", "-c", f"PATH=/shells; {BEGIN} {' '.join(scripts)}")
    [(status, output)], report = run_programs([command], 2, "inko", server, seed=1, mounts=mounts)
    assert (status, output) == (0, "")
    assert report.failure == ""
    assert report.unknown_calls == {}
    got = {name: (tmp_path / name).read_text() for name in scripts}
    wrong = {name: got[name] for name in scripts if got[name] != (HERE / "expected" / name).read_text()}
    assert wrong == {}
