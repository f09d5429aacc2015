"""Every benchmark runs at its smallest size and writes what its readers rely on. Never a timing."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SHARED = {
    "common", "results_page", "guest_runs", "bare_machine", "unicorn_guest", "native", "cpu_contenders", "cpu_coremark",
}  # fmt: skip
NOT_INSTALLED = "not installed"


def python(*arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, check=False, timeout=280)


@pytest.fixture(autouse=True)
def as_programs(monkeypatch, warm):
    """Benchmarks import one another by name, as programs of one folder do. Some keep to a few of the host's cores."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.chdir(BENCHMARKS)
    cores = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, cores)


def run(name, tmp_path, *options, rounds=2):
    """The JSON of a quick run, in this process: the start of each as a program would take longer than the run."""
    file = tmp_path / f"{name}.json"
    command = importlib.import_module(name).main
    done = CliRunner().invoke(command, ["--quick", "--rounds", str(rounds), "--json", str(file), *options])
    assert done.exit_code == 0, (done.output, done.exception)
    result = json.loads(file.read_text())
    assert result["benchmark"] == name
    assert result["question"].endswith("?") and result["question"] in done.output.replace("\n", " ")
    assert result["options"]["rounds"] == rounds and result["options"]["quick"]
    assert {"cpu", "cores", "load_1min", "python", "numba"} <= result["host"].keys()
    return result["rows"]


def is_spread(figures):
    return figures["runs"] >= 1 and 0 <= figures["min"] <= figures["median"] <= figures["max"]


def test_every_benchmark_has_a_test_here():
    names = {path.stem for path in BENCHMARKS.glob("*.py")} - SHARED
    assert names == {
        "cpu_speed", "scaling", "switch", "wakeup", "startup", "memory", "boots", "timeouts", "policies", "balance",
        "events", "shares", "spawn", "migration", "hotplug", "steal",
        "spin_yield", "jobs", "shootdown", "pipes", "processes", "messages", "upcalls", "mapping", "interrupts",
        "tracing", "export", "live", "report_page", "explore",
    }  # fmt: skip


def test_cpu_speed_compares_equal_work(tmp_path):
    rows = run("cpu_speed", tmp_path, "--scale", "0.1")
    work = [row for row in rows if "instructions" in row]
    assert [row["guest"] for row in work] == [
        "bench_int", "bench_mem", "bench_branch", "bench_fp", "bench_coremark",
        "sieve", "sha", "matrix", "sort", "hash", "lz", "string", "nbody",
    ]  # fmt: skip
    for row in work:
        assert row["instructions"] > 0 and row["checksum"]
        assert is_spread(row["emu"]["mips_busy"]) and is_spread(row["emu"]["net_s"])
        for peer in ("qemu-riscv64", "native", *(["unicorn"] if row["part"] == "guests" else [])):
            assert row[peer] == NOT_INSTALLED or row["emu"]["time_against"][peer]["min"] > 0
    mean, cold, *scaling = rows[len(work) :]
    assert mean["time_against"]["emu"].keys() <= {"emu, translator off", "qemu-riscv64", "native"}
    assert is_spread(cold["emu"]["wall_s"]) and cold["iterations"] > 0
    assert [row["what"] for row in scaling] == ["emu", "qemu-riscv64", "native"]
    assert all(row.get("status") == NOT_INSTALLED or row["throughput_ratio"]["min"] > 0 for row in scaling)


def test_cpu_speed_asks_for_a_translator_only_where_there_is_one(monkeypatch):
    import cpu_contenders

    class Stack:
        enter_context = staticmethod(lambda machine: machine)

    monkeypatch.setattr(cpu_contenders, "Booted", lambda cpus, **options: (cpus, options))
    monkeypatch.setattr(cpu_contenders, "Machine", lambda cpus: None)
    assert cpu_contenders.boot(Stack, 1, "on") == (1, {}) and cpu_contenders.boot(Stack, 1, "off") is None
    monkeypatch.setattr(cpu_contenders, "Machine", lambda cpus, translator="on": None)
    assert cpu_contenders.boot(Stack, 2, "off") == (2, {"translator": "off"})


def test_cpu_speed_lets_nobody_differ_but_bench_fp_natively_in_the_last_bits():
    import cpu_contenders
    from guest_runs import GuestRun

    def same(label, **texts):
        runs = {name: [GuestRun(1.0, text + "\n")] for name, text in texts.items()}
        return cpu_contenders.same_output(label, runs)

    assert same("sha", emu="sha 1", native="sha 1") == "sha 1"
    assert same("bench_fp", emu="energy -0.1 0x1p1", native="energy -0.1 0x1p2") == "energy -0.1 0x1p1"
    for label, other in (("sha", "sha 2"), ("bench_fp", "energy -0.2 0x1p1")):
        with pytest.raises(click.ClickException, match="disagree"):
            same(label, emu="energy -0.1 0x1p1", native=other)


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


def test_pipes_times_a_round_trip_and_a_stream(tmp_path):
    rows = {row["what"]: row for row in run("pipes", tmp_path)}
    assert list(rows) == ["emu", "qemu-riscv64"]
    for row in rows.values():
        assert row.get("status") == NOT_INSTALLED or is_spread(row["round_trip_ns"]) and is_spread(row["gb_per_s"])


def test_messages_times_each_kind_with_its_aim_rings_and_peers(tmp_path):
    rows = run("messages", tmp_path)
    assert all(is_spread(row["ns"]) and row["ns"]["min"] > 0 for row in rows)
    aims = [row["aim_ns"] for row in rows if row.get("aim_ns")]
    assert aims == [250, 400, 1500, 1500, 3000, 80, 60, 5000]
    assert [row["threads"] for row in rows if "threads" in row] == [100] * 3
    assert sum(row["what"].startswith("round trip, ") for row in rows) >= 3


def test_upcalls_sets_user_threads_beside_kernel_threads_and_says_what_an_upcall_costs(tmp_path):
    rows = run("upcalls", tmp_path)
    kinds = [row for row in rows if "times_as_fast" in row]
    assert [row["what"] for row in kinds] == ["yield", "create", "lock", "contend", "ring", "ring", "pairs", "serve"]
    assert all(is_spread(row[form]) for row in kinds for form in ("one_to_one_ns", "m_to_n_ns"))
    assert [row["aim_ns"] for row in rows if "aim_ns" in row] == [1000, None]


def test_switch_times_the_core_and_the_guest(tmp_path):
    rows = run("switch", tmp_path)
    core = {row["what"]: row for row in rows if row["part"] == "core alone"}
    assert {"lock and unlock", "hook call", "switch", "block, wake, switch", "migration, both locks"} <= core.keys()
    assert all(is_spread(row["ns"]) for row in core.values())
    emu = next(row for row in rows if row["part"] == "guest to guest" and row["what"] == "emu")
    assert is_spread(emu["switch_ns"]) and is_spread(emu["yield_ns"])


def test_shares_add_up_and_stand_beside_what_was_promised(tmp_path):
    rows = run("shares", tmp_path, rounds=1)
    for policy in ("codezero", "eevdf"):
        mine = [row for row in rows if row["policy"] == policy]
        assert len(mine) == 5 and all(is_spread(row["share"]) for row in mine)
        assert abs(sum(row["promised"] for row in mine) - 1) < 1e-9


def test_spawn_times_the_kernel_alone_and_a_guest(tmp_path):
    rows = run("spawn", tmp_path)
    assert [row["aim"] for row in rows[:2]] == [500_000, 30_000]
    assert all(row.get("status") == NOT_INSTALLED or is_spread(row["per_second"]) for row in rows)


def test_migration_counts_in_the_core_and_times_a_guest(tmp_path):
    core, guest, *peers = run("migration", tmp_path)
    assert core["per_second"]["min"] > 0 and is_spread(guest["us"])
    assert all(row.get("status") == NOT_INSTALLED or is_spread(row["us"]) for row in peers)


def test_spin_yield_compares_eight_cpus_with_two(tmp_path):
    two, eight = run("spin_yield", tmp_path)
    assert (two["cpus"], eight["cpus"]) == (2, 8) and is_spread(eight["wall_s"]) and eight["times"]["median"] > 0


def test_shootdown_measures_those_asleep_and_those_in_guest_code(tmp_path):
    rows = run("shootdown", tmp_path, "--cpus", "2,3")
    assert [(row["cpus"], row["others"]) for row in rows] == [
        (cpus, others) for cpus in (2, 3) for others in ("asleep", "in guest code")
    ]
    assert all(0 < row["p50_ns"]["median"] <= row["p99_ns"]["median"] for row in rows)


def test_mapping_times_each_step_with_windows_and_without(tmp_path):
    rows = run("mapping", tmp_path)
    assert [row["step"] for row in rows] == ["touch", "again", "protect", "discard", "fork", "unmap"]
    for row in rows:
        assert {"interpreted", "translated"} <= row["ns"].keys()
        assert all(is_spread(ns) and ns["min"] > 0 for ns in row["ns"].values())


def test_interrupts_are_taken_from_each_guest_interpreted_and_translated(tmp_path):
    rows = run("interrupts", tmp_path)
    assert [(row["guest"], row["how"]) for row in rows] == [
        (guest, how) for guest in ("CoreMark-shaped", "memory", "integers") for how in ("interpreted", "translated")
    ]
    assert all(0 < row["us"]["p50"] <= row["us"]["p99"] <= row["us"]["most"] < 1e6 for row in rows)


def test_hotplug_adds_and_removes_and_loses_nothing(tmp_path):
    added, removed, check = run("hotplug", tmp_path)
    assert added["times"] >= 3 and removed["times"] >= 3
    assert check["wrong"] == [] and check["lost"] == 0 and check["leaks"] == {}


def test_steal_has_both_forms_under_every_number_of_thieves(tmp_path):
    rows = run("steal", tmp_path)
    assert len(rows) >= 4 and all(is_spread(row["ns"]) for row in rows)


def test_wakeup_has_every_way_and_the_ratio(tmp_path):
    rows = run("wakeup", tmp_path)
    assert [row["way"] for row in rows] == ["polling", "ZeroMQ", "futex", "eventfd", "ZeroMQ ÷ futex"]
    assert all(0 < row["p50_ns"] <= row["p99_ns"] for row in rows[:-1])
    assert rows[-1]["p50_ratio"] > 0


def test_timeouts_counts_every_operation_alone_and_through_the_ring(tmp_path):
    rows = run("timeouts", tmp_path)
    figures = {(row["part"], row["what"]): row for row in rows}
    for part in ("heap alone", "with the ring", "heapq"):
        for what in ("insert", "renewed: cancel and insert", "expire"):
            assert is_spread(figures[part, what]["ns"])
    for part in ("heap alone", "with the ring"):
        assert is_spread(figures[part, "cancel"]["ns"]) and is_spread(figures[part, "compact, an entry"]["ns"])
        assert figures[part, "compactions"]["count"]["min"] > 1
    late = {row["what"]: row for row in rows if row["part"] == "oversleeping"}
    assert late.keys() == {"emu, 1 CPU", "emu, 2 CPUs", "emu, 1 CPU, slack 1 ns", "host nanosleep"}
    assert all(0 <= row["min_ns"] <= row["p50_ns"] <= row["p99_ns"] for row in late.values())


def test_startup_times_whole_commands(tmp_path):
    rows = run("startup", tmp_path)
    assert {"emu, 2 CPUs", "python, nothing", "python, emu's imports", "qemu-riscv64"} == {row["what"] for row in rows}
    assert all(row.get("status") == NOT_INSTALLED or is_spread(row["wall_s"]) for row in rows)


def test_export_reads_and_exports_a_trace_of_the_size(tmp_path):
    [row] = run("export", tmp_path, rounds=1)
    assert row["events"] >= 20_000 and 0 < row["trace_bytes"] < row["output_bytes"]
    assert all(is_spread(row[name]) for name in ("read_s", "export_s", "events_per_s", "peak_mib", "read_mib"))
    assert row["idle_mib"]["min"] <= row["read_mib"]["min"] <= row["peak_mib"]["min"]


def test_tracing_times_guests_with_and_without(tmp_path):
    rows = run("tracing", tmp_path)
    assert [(row["guest"], row["cpus"]) for row in rows] == [
        ("hackbench", 1), ("locks", 1), ("hackbench", 2), ("locks", 2),
    ]  # fmt: skip
    assert all(is_spread(row["with_s"]) and row["ratio"] > 0 and row["events"] > 0 for row in rows)
    assert all(row["lost"] == 0 for row in rows)


def test_events_times_the_writer_and_the_recorder(tmp_path):
    rows = run("events", tmp_path)
    writer = {row["what"]: row for row in rows if row["part"] == "writer"}
    assert {"nothing", "the clock alone", "emit, tracing off", "emit, tracing on"} <= writer.keys()
    assert all(is_spread(row["ns"]) for row in writer.values())
    recorder = [row for row in rows if row["part"] == "recorder"]
    assert len(recorder) == 2 and all(row["million_events_per_s"]["min"] > 0 for row in recorder)


def test_memory_lists_every_role(tmp_path):
    rows = {row["process"]: row for row in run("memory", tmp_path, "--cpus", "2")}
    assert {"CPU", "system server", "timekeeper", "forkserver", "supervisor"} <= rows.keys()
    assert rows["CPU"]["unique_bytes"]["runs"] == 2 * 2
    assert all(row["unique_bytes"]["min"] > 0 for row in rows.values())


def test_boots_lose_nothing_and_leave_nothing(tmp_path):
    (row,) = run("boots", tmp_path)
    assert row["boots"] == 3 and row["lost_threads"] == 0 and row["wrong_runs"] == 0
    left = row["left_behind"]
    assert all(left[name] <= 0 for name in ("machine_processes", "socket_directories", "segments", "descriptors"))


def test_jobs_are_all_right_and_share_few_records(tmp_path):
    (row,) = run("jobs", tmp_path)
    assert row["jobs"] == 2 and row["wrong"] == row["lost_threads"] == row["leaks"] == 0
    assert row["records"] <= 2 and set(row["grown_bytes"]) == {"supervisor", "server"}


def test_policies_covers_every_mix_and_policy(tmp_path):
    from emu.actor.policies import BUILTIN

    rows = run("policies", tmp_path, rounds=1)
    assert [(row["mix"], row["policy"]) for row in rows] == [
        (mix, policy) for mix in ("batch", "interactive", "forkjoin", "locks") for policy in BUILTIN
    ]
    for row in rows:
        assert "status" not in row, row
        assert row["makespan_ns"] > 0 and row["throughput_ms_per_s"] > 0 and 0 < row["fairness"] <= 1
        assert len(row["runs"]) == 1 and (row["mix"] == "batch" or row["p50_ns"] <= row["p99_ns"])


def test_every_mix_is_a_workload_that_says_what_it_is():
    from emu.workload.read import read_workload

    files = sorted((BENCHMARKS / "mixes").glob("*.json"))
    assert [file.stem for file in files] == ["batch", "forkjoin", "interactive", "locks"]
    for file in files:
        assert json.loads(file.read_text())["about"] and read_workload(file).threads


def test_balance_shows_both_cases_and_the_distribution_beside_chance(tmp_path):
    rows = run("balance", tmp_path)
    for fixed, moving, ratios in (rows[:3], rows[3:]):
        assert fixed["policy"] == "random" and fixed["migrations"]["max"] <= 1  # the one that is bound
        assert moving["migrations"]["max"] > 0
        assert is_spread(fixed["makespan_s"]) and len(fixed["all_s"]) == len(moving["all_s"]) == 2
        assert 1 <= fixed["busiest"]["min"] <= fixed["busiest"]["max"] < 2.1 and ratios["work_ratio_of_medians"] > 0
        assert ratios["ratio_of_medians"] > 0
    born, chance = rows[0], rows[3]
    assert born["case"] == "born on one CPU" and rows[2]["expected_mean"] == 2
    assert born["busiest"]["min"] > 1.9, "random leaves them where they were born"
    assert chance["case"] == "placed by chance" and rows[5]["expected_mean"] == pytest.approx(1.375)


def test_live_compares_watchers_with_a_machine_that_nobody_watches(tmp_path):
    rows = run("live", tmp_path)
    assert [row["watched_by"] for row in rows] == ["alone", "emu top", "emu stats --watch 1 --json"]
    assert all(is_spread(row["mips_on_core"]) and is_spread(row["core_share"]) for row in rows)
    assert rows[0]["core_share"]["max"] == 0 and rows[0]["left_on_as_many_cores"] == 1


def test_processes_covers_each_cost_and_both_kinds_of_groups(tmp_path):
    rows = run("processes", tmp_path)
    assert len(rows) == 13 and all(is_spread(row["ns"]) and row["ns"]["min"] > 0 for row in rows)


def test_report_page_measures_the_command_and_the_page(tmp_path):
    command, browser = run("report_page", tmp_path, rounds=1)
    assert command["events"] >= 20_000 and command["page_mb"] > 0
    assert is_spread(command["seconds"]) and 0 < command["peak_mb"]["min"] < 1000
    if browser.get("status") != NOT_INSTALLED:
        assert is_spread(browser["first_picture_ms"]) and is_spread(browser["zoom_step_ms"])
        assert browser["steps"] > 10


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
    assert name in SHARED or text.endswith('\n\nif __name__ == "__main__":\n    main()\n')


def test_a_benchmark_is_a_program(tmp_path):
    done = python("events.py", "--quick", "--rounds", "1", "--json", str(tmp_path / "events.json"))
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "events.json").read_text())["rows"]


def test_explore(tmp_path):
    rows = run("explore", tmp_path)
    found = [row for row in rows if "program" in row]
    assert {row["program"] for row in found} == {"lazy01", "deadlock01", "stack"}
    assert all(0 < row["found"] <= row["trials"] == 2 and row["schedules"] >= 1 for row in found)
    speeds = [row for row in rows if "instructions" in row]
    assert [row["instructions"] for row in speeds] == [10_000, 100_000]
    assert all(row["instructions"] / 2 < row["retired"] < 2 * row["instructions"] + 20_000 for row in speeds)
