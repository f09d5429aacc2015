"""An emu that is installed from its sdist does everything from any folder, and writes nothing where it is installed.

The environment is a fresh one; only the packages that emu depends on are those of the environment that runs the tests.
Its code is the checkout's, so it finds the compile cache warm: where sources lie is no part of the cache's key.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("emu", "tools", "benchmarks", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "Makefile")
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
OFFLINE = ["--no-deps", "--no-index"]
SDIST = "from setuptools import build_meta; print(build_meta.build_sdist('.'))"
MIX = '{"threads": [{"name": "a", "instances": 2, "phases": [{"run": 200}]}]}'


def execute(*command, **options):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        path, copy = ROOT / name, source / name
        if path.is_dir():
            shutil.copytree(path, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, copy)
    return source / execute(sys.executable, "-c", SDIST, cwd=source).splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    execute(*PIP, "wheel", *OFFLINE, "--no-build-isolation", "--wheel-dir", folder, sdist)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(warm, wheel, tmp_path_factory):
    """The folder of a fresh environment in which the wheel is installed and nothing else."""
    fresh = tmp_path_factory.mktemp("environment")
    execute(sys.executable, "-m", "venv", "--without-pip", fresh)
    execute(*PIP, "--python", fresh / "bin" / "python", "install", *OFFLINE, wheel)
    [packages] = fresh.glob("lib/python*/site-packages")
    ours = {str(Path(importlib.metadata.distribution(name).locate_file(""))) for name in ("numba", "pyzmq", "click")}
    (packages / "dependencies.pth").write_text("\n".join(ours) + "\n")
    for folder in (packages / "emu").rglob("*"):
        folder.chmod(0o555 if folder.is_dir() else 0o444)
    yield fresh
    for folder in (packages / "emu").rglob("*/"):
        folder.chmod(0o755)


@pytest.fixture
def emu(installed, tmp_path):
    """`emu …` of that environment, in an empty folder, without anything that leads to the checkout."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return lambda *arguments: execute(installed / "bin" / "emu", *arguments, cwd=tmp_path, env=environment)


def files_of(environment):
    return {path for path in environment.rglob("*") if path.is_file()}


def test_the_sdist_has_what_its_own_tests_need(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"tools/run.py", "benchmarks/mixes/batch.json", "emu/guests/emu.h", "emu/guests/bin/hello.elf"} <= names
    assert not any(name.endswith(".pyc") for name in names)


def test_the_wheel_has_every_file_of_the_package_and_nothing_beside_it(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "emu").rglob("*") if path.is_file()}
    assert names == {name for name in files if not name.endswith(".pyc")}


def test_guests_workloads_comparisons_and_traces_work_from_any_folder(emu, installed, tmp_path):
    before = files_of(installed)
    assert emu("run", "--quiet", "--cpus", 1, "hello") == "hello from emu\n"
    assert "168 primes" in emu("run", "--quiet", "--cpus", 2, "--trace", "trace", "primes", 1000)
    assert "no violation" in emu("trace", "--check", "trace")
    (tmp_path / "mix.json").write_text(MIX)
    assert "makespan" in emu("run", "--quiet", "--cpus", 1, "--workload", "mix.json")
    assert "random" in emu("compare", "--cpus", 1, "--rounds", 1, "--policies", "random", "--workload", "mix.json")
    assert "eevdf" in emu("policies")
    assert str(installed) in emu("policies", "inko"), "the policy's file is the installed one"
    assert "hello" in emu("doctor")
    assert files_of(installed) == before, "nothing is written where emu is installed"


def test_files_in_the_users_folder_that_are_named_like_modules_are_not_imported(emu, tmp_path):
    for name in ("random", "signal", "zmq", "emu"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    assert emu("run", "--quiet", "--cpus", 1, "hello") == "hello from emu\n"
