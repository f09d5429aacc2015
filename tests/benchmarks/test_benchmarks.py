"""Every benchmark runs at its smallest size and writes what its readers rely on. Never a timing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SHARED = {"common", "guest_runs", "bare_machine", "unicorn_guest"}
NOT_INSTALLED = "not installed"


def python(*arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, check=False, timeout=280)


def run(name, tmp_path, *options):
    """The JSON of a quick run."""
    file = tmp_path / f"{name}.json"
    done = python(str(BENCHMARKS / f"{name}.py"), "--quick", "--rounds", "2", "--json", str(file), *options)
    assert done.returncode == 0, done.stderr
    result = json.loads(file.read_text())
    assert result["benchmark"] == name
    assert result["question"].endswith("?") and result["question"] in done.stdout.replace("\n", " ")
    assert result["options"]["rounds"] == 2 and result["options"]["quick"]
    assert {"cpu", "cores", "load_1min", "python", "numba"} <= result["host"].keys()
    return result["rows"]


def is_spread(figures):
    return figures["runs"] >= 1 and 0 <= figures["min"] <= figures["median"] <= figures["max"]


def test_every_benchmark_has_a_test_here():
    names = {path.stem for path in BENCHMARKS.glob("*.py")} - SHARED
    assert names == {"cpu_speed", "scaling", "switch", "wakeup", "startup", "memory", "boots"}


def test_cpu_speed_compares_equal_work(tmp_path):
    rows = run("cpu_speed", tmp_path, "--scale", "0.1")
    assert [row["guest"] for row in rows] == ["bench_int", "bench_mem", "bench_branch", "bench_fp"]
    for row in rows:
        assert row["instructions"] > 0 and row["checksum"]
        assert is_spread(row["emu"]["mips_busy"]) and is_spread(row["emu"]["net_s"])
        for peer in (row["qemu-riscv64"], row["unicorn"]):
            assert peer == NOT_INSTALLED or peer["emu_is_times_as_fast"] > 0


def test_scaling_covers_one_cpu_to_twice_the_cores_and_many(tmp_path):
    rows = run("scaling", tmp_path, "--scale", "0.1")
    works = {row["work"] for row in rows}
    assert len(works) == 3
    for work in works:
        grown = [row for row in rows if row["work"] == work and row["emulator"] == "emu" and "cpus" in row]
        assert grown[0]["cpus"] == 1 and grown[0]["speed_up"] == 1.0
        assert all(is_spread(row["wall_s"]) and row["efficiency"] > 0 for row in grown)
        (crowded,) = (row for row in rows if row["work"] == work and "throughput_ratio" in row)
        assert crowded["many"] > crowded["few"] == 2


def test_switch_times_the_core_and_the_guest(tmp_path):
    rows = run("switch", tmp_path)
    core = {row["what"]: row for row in rows if row["part"] == "core alone"}
    assert {"lock and unlock", "hook call", "switch", "block, wake, switch", "migration, both locks"} <= core.keys()
    assert all(is_spread(row["ns"]) for row in core.values())
    emu = next(row for row in rows if row["part"] == "guest to guest" and row["what"] == "emu")
    assert is_spread(emu["switch_ns"]) and is_spread(emu["yield_ns"])


def test_wakeup_has_every_way_and_the_ratio(tmp_path):
    rows = run("wakeup", tmp_path)
    assert [row["way"] for row in rows] == ["polling", "ZeroMQ", "futex", "eventfd", "ZeroMQ ÷ futex"]
    assert all(0 < row["p50_ns"] <= row["p99_ns"] for row in rows[:-1])
    assert rows[-1]["p50_ratio"] > 0


def test_startup_times_whole_commands(tmp_path):
    rows = run("startup", tmp_path)
    assert {"emu, 2 CPUs", "python, nothing", "python, emu's imports", "qemu-riscv64"} == {row["what"] for row in rows}
    assert all(row.get("status") == NOT_INSTALLED or is_spread(row["wall_s"]) for row in rows)


def test_memory_lists_every_role(tmp_path):
    rows = {row["process"]: row for row in run("memory", tmp_path, "--cpus", "2")}
    assert {"CPU", "system server", "forkserver", "supervisor"} <= rows.keys()
    assert rows["CPU"]["unique_bytes"]["runs"] == 2 * 2
    assert all(row["unique_bytes"]["min"] > 0 for row in rows.values())


def test_boots_lose_nothing_and_leave_nothing(tmp_path):
    (row,) = run("boots", tmp_path)
    assert row["boots"] == 3 and row["lost_threads"] == 0 and row["wrong_runs"] == 0
    left = row["left_behind"]
    assert all(left[name] <= 0 for name in ("machine_processes", "socket_directories", "segments", "descriptors"))


def test_a_machine_that_stays_booted_runs_one_guest_after_another():
    """Four tasks in turn take the same record: none may see another's memory."""
    code = (
        "from guest_runs import Booted\n"
        "with Booted(2) as emu:\n"
        "    for program in (('bench_int', 50), ('hello',), ('bench_int', 50), ('yield', 2, 10)):\n"
        "        print(emu.run(*program).output.strip())\n"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    first, hello, again, total = done.stdout.splitlines()
    assert first == again and hello == "hello from emu" and total == "total 20"


@pytest.mark.parametrize("name", sorted(p.stem for p in BENCHMARKS.glob("*.py")))
def test_each_file_says_what_it_is(name):
    text = (BENCHMARKS / f"{name}.py").read_text()
    assert text.startswith('"""') and len(text.splitlines()) < 400
