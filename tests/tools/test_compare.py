"""`emu compare` and `emu sweep` as a user types them."""

import json
import os
import signal

import pytest

from tests.kills.trial import Trial
from tests.processes import wait_for_work

from .conftest import MIX
from .test_workload import emu, picking, rows_of, written


def test_compare_has_a_row_for_each_policy_and_the_same_work_in_all(mix, tmp_path):
    file = tmp_path / "out.json"
    own = written(tmp_path / "mine.py", picking("pop(m, m.queues[queue])"))
    finite = written(tmp_path / "finite.json", {**MIX, "threads": MIX["threads"][:1]})
    names = f"inko,random,{own},inko:reductions=1"
    options = ("--cpus", 2, "--seed", 3, "--rounds", 2, "--json", file)
    done = emu("compare", "--policies", names, "--workload", finite, *options)
    assert done.returncode == 0, done.stderr
    assert {"policy", "makespan", "p50", "p99", "fairness", "steals"} <= set(done.stdout.split())
    policies = json.loads(file.read_text())["rows"]
    assert [p["policy"] for p in policies] == names.split(",")
    assert all(len(p["rounds"]) == len(p["results"]) == 2 and not p["failures"] for p in policies)
    assert len({json.dumps(r["groups"][0]["instructions"]) for p in policies for r in p["results"]}) == 1
    assert policies[1]["medians"]["migrations"] == policies[1]["medians"]["steals"] == 0


def test_a_policy_that_fails_is_a_row_and_the_others_go_on(mix, tmp_path):
    wrong = written(tmp_path / "wrong.py", picking("99"))
    broken = written(tmp_path / "broken.py", picking("m.nosuchfield"))
    lost = written(tmp_path / "lost.py", picking("-1"))
    names = f"{wrong},{broken},{lost},inko"
    done = emu("compare", "--policies", names, "--workload", mix, "--cpus", 2, "--rounds", 1, "--limit", 1.5)
    assert done.returncode == 1
    assert done.stdout.count("failed") == 3 and rows_of(done.stdout)["inko"]
    said = [line for line in done.stderr.splitlines() if line.startswith(f"emu: {tmp_path}")]
    why = {line.split(": ")[1]: line for line in said}
    assert "the machine failed" in why[str(wrong)]
    assert "hook 'pick' does not compile" in why[str(broken)] and "nosuchfield" in why[str(broken)]
    assert "the guests did not end within 1.5 s" in why[str(lost)] or "never picked" in why[str(lost)]
    assert len(said) == 3


def test_compare_refuses_bad_input(mix, tmp_path, refusal):
    assert "unknown policy 'fastest'" in refusal("compare", "--workload", mix, "--policies", "inko,fastest")
    assert "'inko' is given twice" in refusal("compare", "--workload", mix, "--policies", "inko,inko")
    assert "expected NAME=VALUE" in refusal("compare", "--workload", mix, "--policies", "inko:reductions")
    assert "'many' is not a number" in refusal("compare", "--workload", mix, "--cpus", "many")
    assert "bad.json:1: not JSON" in refusal("compare", "--workload", written(tmp_path / "bad.json", "{"))


def test_a_program_is_compared_on_several_numbers_of_cpus(warm, tmp_path):
    file = tmp_path / "out.json"
    options = ("--cpus", "1,2", "--seeds", 2, "--rounds", 1, "--seed", 5, "--json", file)
    done = emu("compare", "--policies", "inko", *options, "primes", 2000, 2)
    assert done.returncode == 0, done.stderr
    assert "78" not in done.stdout.splitlines()[0] and "primes 2000 2: 1 rounds, seeds 5 to 6" in done.stdout
    found = json.loads(file.read_text())
    assert found["seeds"] == [5, 6] and {"emu", "numba"} <= found["versions"].keys()
    assert {"cores", "load_before", "load_after", "stolen_share", "system"} <= found["host"].keys()
    one, two = found["rows"]
    assert (one["cpus"], two["cpus"], one["efficiency"]) == (1, 2, 1.0) and two["speedup"] > 0
    assert [each["seed"] for each in two["rounds"]] == [5, 6] and two["spreads"]["makespan_ns"]["count"] == 2
    assert two["rounds"][0]["host_cpu_s"] > 0 and 0 <= two["rounds"][0]["host_withheld_share"] <= 1


def test_a_program_that_fails_is_a_line_with_its_last_words(warm):
    done = emu("compare", "--policies", "inko", "--cpus", 1, "--rounds", 2, "--seed", 3, "exitcode", 7)
    assert done.returncode == 1 and "failed" in done.stdout
    assert done.stderr == "emu: inko: exitcode ended with status 7 (seed 3)\n"


@pytest.mark.parametrize("arguments, said", [
    (["--workload", "x.json", "hello"], "--workload and a PROGRAM together"),
    (["--cpus", "1,,2", "hello"], "--cpus '1,,2': expected numbers with commas"),
    (["--cpus", "2,2", "hello"], "number of CPUs 2 is given twice"),
    (["--cpus", "1,999", "hello"], "999 CPUs: a machine has 1 to"),
    (["--seeds", "0", "hello"], "--seeds"),
    (["--policies", "inko", "no-such-program"], "no-such-program: cannot be read"),
    (["--json", "/no/such/folder/x", "hello"], "cannot be written"),
    (["--seed", "x", "hello"], "'x' is not a number"),
])  # fmt: skip
def test_what_cannot_be_compared_is_one_line(refusal, arguments, said):
    assert said in refusal("compare", *arguments)


def test_ctrl_c_in_the_middle_of_a_comparison_leaves_nothing(warm, tmp_path):
    file = tmp_path / "out.json"
    with Trial(["compare", "--policies", "inko,eevdf", "--cpus", "1,2", "--json", file, "primes", 10**9]) as trial:
        wait_for_work(trial.process, cpus=1)
        trial.send(signal.SIGINT, group=True)
        status, _ = trial.wait()
        assert status == 130 and not trial.left(0) and os.listdir(tmp_path) == []
        assert "Traceback" not in trial.errors()


# --- emu sweep ------------------------------------------------------------------------------------------------------


def test_a_sweep_has_a_row_for_each_combination_and_a_plot(mix, tmp_path):
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    file, plot = tmp_path / "out.json", tmp_path / "plot.svg"
    settings = ("--set", "slice_ns=1000000,3000000", "--set", "parity=0,1")
    options = ("--cpus", 1, "--rounds", 1, "--json", file, "--plot", plot, "--workload", mix)
    done = emu("sweep", "--policy", "eevdf", *settings, *options)
    assert done.returncode == 0, done.stderr
    rows = [row["policy"] for row in json.loads(file.read_text())["rows"]]
    assert rows == [f"eevdf:slice_ns={s}:parity={p}" for s in (1000000, 3000000) for p in (0, 1)]
    picture = plot.read_text()
    assert "<svg" in picture and "parity" in picture


@pytest.mark.parametrize("arguments, said", [
    (["hello"], "missing option '--policy'"),
    (["--policy", "eevdf", "hello"], "missing option '--set'"),
    (["--policy", "eevdf", "--set", "slice_ns", "hello"], "--set 'slice_ns': expected NAME=VALUE"),
    (["--policy", "eevdf", "--set", "nix=1,2", "hello"], "has no parameter 'nix'"),
    (["--policy", "eevdf", "--set", "slice_ns=1000000,", "hello"], "expected NAME=A,B,… with different values"),
    (["--policy", "eevdf", "--set", "slice_ns=5,5", "hello"], "expected NAME=A,B,… with different values"),
    (["--policy", "eevdf", "--set", "slice_ns=1000000,x", "hello"], "'x' is not a number"),
    (["--policy", "nix", "--set", "a=1", "hello"], "unknown policy 'nix'"),
    (["--policy", "eevdf", "--set", "slice_ns=1000000", "--plot", "/no/such/x.svg", "hello"], "cannot be written"),
    (["--policy", "eevdf", "--set", "slice_ns=1000000", "--plot", "/tmp/x.doc", "hello"], "ends in .svg, .png or .pdf"),
])  # fmt: skip
def test_what_cannot_be_swept_is_one_line(refusal, arguments, said):
    assert said in refusal("sweep", *arguments)


def test_a_plot_without_matplotlib_says_what_to_install(refusal, monkeypatch, tmp_path):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    plot = tmp_path / "x.svg"
    line = refusal("sweep", "--policy", "eevdf", "--set", "slice_ns=1000000", "--plot", plot, "hello")
    assert "pip install 'emu[plot]'" in line and not plot.exists()
