"""What a comparison does with its runs: their order, their failures, their numbers. The runs themselves are played."""

import json

import pytest

from emu import Comparison, MachineError, compare
from emu.tables import print_table
from emu.workload import compare as module
from emu.workload.spread import spread
from emu.workload.trial import Trial


@pytest.fixture
def played(monkeypatch):
    """`played.times[policy, cpus]` gives a run's ms, or what it raises; `played.order` has each run."""

    class Played:
        times: dict = {}
        order: list = []

        def run(self, work, cpus, policy, parameters, seed, limit_s, quiet):
            self.order.append((policy, cpus, seed))
            found = self.times.get((policy, cpus), 10)
            found = found.pop(0) if isinstance(found, list) else found
            if isinstance(found, Exception):
                raise found
            return Trial(seed, {"makespan_ns": found * 1e6, "mips": 5.0, "host_withheld_share": 0.25})

    one = Played()
    one.times, one.order = {}, []
    monkeypatch.setattr(module, "run_trial", one.run)
    monkeypatch.setattr(module, "usable_cores", lambda: [0, 1, 2, 3])
    return one


def several(**options):
    return compare("hello", **{"policies": ["inko", "random"], "cpus": [1, 2], "seed": 7, "rounds": 2, **options})


def test_rounds_are_interleaved_and_every_row_has_every_seed(played):
    several(seeds=2)
    rows = [("inko", 1), ("inko", 2), ("random", 1), ("random", 2)]
    assert played.order == [(*row, seed) for _ in range(2) for seed in (7, 8) for row in rows]


def test_speed_up_is_against_the_fewest_cpus_of_the_same_policy(played):
    played.times = {("inko", 1): 60, ("inko", 2): 40, ("inko", 4): 20, ("random", 1): 90}
    found = several(cpus=[4, 1, 2], policies=["random", "inko"])
    told = {(r.policy, r.cpus): (r.speedup, r.efficiency) for r in found.rows}
    assert told["inko", 4] == (3.0, 0.75) and told["inko", 2] == (1.5, 0.75) and told["inko", 1] == (1.0, 1.0)
    assert told["random", 2] == (9.0, 4.5)
    two, four = several(cpus=[2, 4], policies=["inko"]).rows
    assert (four.speedup, four.efficiency, two.efficiency) == (2.0, 1.0, 1.0)


def test_beyond_the_hosts_cores_there_is_only_throughput(played):
    found = several(cpus=[2, 8], policies=["inko"])
    two, eight = found.rows
    assert two.speedup == 1.0 and eight.speedup is None and eight.efficiency is None and eight.median("mips") == 5.0
    columns, (_, cells) = found.table()
    row = dict(zip(columns, cells))
    assert (row["speed-up"], row["efficiency"], row["MIPS"], row["host"]) == ("–", "–", "5", "25%")
    assert any(line.startswith("8 CPUs share the host's 4 cores: only throughput") for line in found.notes())


def test_a_run_that_fails_leaves_the_figures_of_the_others(played):
    played.times["inko", 2] = [30, MachineError("too slow"), 50]
    found = several(rounds=3)
    row = found.rows[1]
    assert row.makespan.median == 40e6 and row.makespan.count == 2 and found.rows[0].makespan.count == 3
    assert found.failures == ["inko on 2 CPUs: too slow (seed 7)"]
    columns, rows = found.table()
    assert dict(zip(columns, rows[1]))["runs"] == "2/3" and dict(zip(columns, rows[0]))["runs"] == "3"


def test_progress_is_shown_on_a_terminal_and_counts_runs_that_are_left_out(played, monkeypatch):
    from tqdm import tqdm

    bars, shown = [], []

    def bar(**options):
        bars.append(tqdm(**options))
        shown.append(not bars[-1].disable)
        return bars[-1]

    monkeypatch.setattr(module, "tqdm", bar)
    played.times["random", 1] = MachineError("never")
    for terminal, progress in ((True, True), (False, True), (True, False)):
        monkeypatch.setattr("sys.stderr.isatty", lambda terminal=terminal: terminal, raising=False)
        several(rounds=3, seeds=2, progress=progress)
    assert shown == [True, False, False] and (bars[0].total, bars[0].n) == (24, 24)


def test_a_row_that_only_fails_is_given_up(played):
    played.times["random", 1] = MachineError("never")
    found = several(rounds=50, cpus=1)
    assert len(played.order) == 50 + 1 and found.failures == ["random: never (seed 7)"]
    columns, rows = found.table()
    assert dict(zip(columns, rows[1]))["makespan"] == "failed" and found.rows[1].makespan is None


def test_all_of_it_is_json_and_a_page(played, capsys, monkeypatch):
    found = several(seeds=2)
    assert isinstance(found, Comparison)
    text = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert text["seeds"] == [7, 8] and text["rows"][0]["spreads"]["makespan_ns"]["count"] == 4
    assert found._repr_html_().count("<tr>") == 5
    monkeypatch.setenv("COLUMNS", "60")
    print_table(*found.table(), keys=2)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


@pytest.mark.parametrize("options, said", [
    ({"policies": ["inko", "inko"]}, "policy 'inko' is given twice"),
    ({"policies": "inko,nix"}, "unknown policy 'nix'"),
    ({"cpus": []}, "no number of CPUs is given"),
    ({"cpus": [1, "x"]}, "'x' is not a number"),
    ({"seeds": 0}, "seeds 0: expected 1 to"),
    ({"rounds": 1.5}, "rounds 1.5: expected 1 to"),
    ({"limit_s": -1}, "limit_s=-1: expected seconds"),
    ({"workload": {"threads": []}}, "expected a PROGRAM or a workload, and not both"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_before_anything_runs(played, options, said):
    with pytest.raises(MachineError, match=said):
        several(**options)
    assert played.order == []


def test_a_workload_that_does_not_fit_a_number_of_cpus_is_refused_at_once(played):
    work = {"threads": [{"name": "a", "affinity": [1], "phases": [{"run": 1}]}]}
    with pytest.raises(MachineError, match="CPU 0 only"):
        compare(workload=work, cpus=[2, 1])
    assert played.order == []


def test_the_interval_holds_the_median_and_narrows_with_more_runs():
    few, many = spread([1.0, 2.0, 9.0]), spread([1.0, 2.0, 9.0] * 40)
    assert few.least <= few.low <= few.median == 2.0 <= few.high <= few.most and few.relative == 4.0
    assert many.high - many.low < few.high - few.low
    assert spread([]) is None and (spread([3.0]).low, spread([3.0]).relative) == (None, None)
    figures = [k * k / 7 for k in range(40)]
    assert spread(figures) == spread(figures), "the same figures have the same interval"
