"""What pytest itself does here: rows are selected by name, and an assertion about a machine that is gone only fails."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FAILING = """
from tests.kernel.cpus import played

def test_that_fails():
    with played(2) as cpus:
        machine, threads = cpus.machine, cpus.threads
        memory = cpus.window.memory(0)
        assert int(machine["nr_cpus"]) == 3
"""


def pytest_of(*arguments):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


@pytest.fixture
def failing(tmp_path):
    path = tmp_path / "test_failing.py"
    path.write_text(FAILING)
    return path


def test_an_assertion_about_played_cpus_fails_its_test_and_not_pytest(failing):
    done = pytest_of(failing, "-l", "--rootdir", ROOT, "-c", ROOT / "pyproject.toml", "-p", "tests.conftest")
    assert done.returncode == 1, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert "assert 2 == 3" in done.stdout and last.startswith("1 failed") and "error" not in last


def test_a_row_selects_the_tests_that_show_it_and_an_unknown_one_is_named():
    one = pytest_of("--collect-only", "--row", "rust-13", "tests/systems/test_rust.py", "tests/systems/test_idle.py")
    assert one.returncode == 0
    names = [line for line in one.stdout.splitlines() if "::" in line]
    assert len(names) == 2 and all("seed" in name for name in names), one.stdout
    none = pytest_of("--collect-only", "--row", "rust-99", "tests/systems/test_rust.py")
    assert none.returncode == 4
    [line] = [line for line in none.stderr.splitlines() if line.startswith("ERROR")]
    assert "--row rust-99: no collected test shows this row; there are inko-1, rust-3, rust-7" in line
