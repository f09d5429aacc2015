"""`emu run --workload` and `emu policies` as a user types them."""

import json
import re
import signal
import subprocess
import sys

import pytest

from tests.policies import FIFO, PICKS
from tests.processes import children_of, directories_of, gone, wait_for_work

from .test_run import ROOT, refused

EMU = [sys.executable, "-m", "tools.cli"]
STUCK = {"threads": [{"name": "a", "phases": [{"lock": "m"}, {"wait": "c", "mutex": "m"}, {"unlock": "m"}]}]}
BUSY = {
    "threads": [
        {"name": "busy", "instances": 2, "phases": [{"loop": -1, "phases": [{"run": 100}]}]},
        {**STUCK["threads"][0], "leader": True},
    ]
}


def picking(pick):
    """The text of a policy whose `pick` returns this."""
    return FIFO.replace(PICKS, f"    return {pick}\n")


def emu(*arguments):
    command = [*EMU, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def rows_of(output):
    """{first word of a line: its other words}"""
    return {line.split()[0]: line.split()[1:] for line in output.splitlines() if line.strip()}


# --- emu run --workload ---------------------------------------------------------------------------------------------


def test_table_of_threads_is_the_output_and_the_summary_is_beside_it(mix):
    done = emu("run", "--cpus", 2, "--seed", 1, "--workload", mix)
    assert done.returncode == 0, done.stderr
    rows = rows_of(done.stdout)
    assert rows["worker"][:1] == ["3"] and rows["boss"][:2] == ["1", "3"]
    assert re.search(r"makespan [\d.]+ m?s, [\d.]+ ms of work", done.stdout)
    assert "IPIs by bit" in done.stderr and "seed 1" in done.stderr


def test_json_has_every_thread_and_histogram(mix, tmp_path):
    file = tmp_path / "out.json"
    done = emu("run", "--cpus", 2, "--seed", 1, "--quiet", "--json", file, "--workload", mix)
    assert done.returncode == 0 and done.stderr == ""
    report = json.loads(file.read_text())
    assert report["exit_status"] == 0 and len(report["cpus"]) == 2
    worker, boss = report["workload"]["groups"]
    assert [len(worker["threads"]), len(boss["threads"])] == [3, 1]
    (thread,) = boss["threads"]
    assert thread["iterations"] == 3 and thread["cpu_ns"] >= 2 * thread["instructions"] > 0 and thread["alive_ns"] > 0
    sleeps = thread["latency"]["sleep"]
    assert sleeps["count"] == 3 == sum(sleeps["buckets_from_ns"].values())
    assert 0 < sleeps["p50_ns"] <= sleeps["p99_ns"] <= sleeps["max_ns"]


def test_bad_workloads_are_refused_in_one_line(tmp_path):
    file = written(tmp_path / "bad.json", '{"threads": [\n{"name": "a", "phases": [{"runs": 1}]}]}')
    done = emu("run", "--workload", file)
    refused(done, f"{file}:2: unknown key 'runs' in a phase, expected run, sleep")
    refused(emu("run", "--workload", tmp_path / "nowhere.json"), "cannot be read: No such file")
    far = {"threads": [{"name": "a", "affinity": [7], "phases": [{"run": 1}]}]}
    refused(emu("run", "--cpus", 2, "--workload", written(file, far)), f"{file}:1: 'affinity' of 'a' names CPU 7")


def test_options_that_do_not_go_together_are_refused(mix, tmp_path):
    refused(emu("run"), "nothing to run, expected a PROGRAM or --workload FILE")
    refused(emu("run", "--workload", mix, "hello"), "--workload and a PROGRAM together")
    refused(emu("run", "--workload", mix, "--env", "A=1"), "--workload and --env together")
    refused(emu("run", "--workload", mix, "--mount", f"{tmp_path}:/data"), "--workload and --mount together")


def test_the_script_alone_takes_workloads_too(mix):
    command = [sys.executable, ROOT / "tools" / "run.py", "--quiet", "--cpus", "1", "--workload", mix]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "boss" in rows_of(done.stdout), done.stderr


def interrupted(*arguments):
    """The process of a command that got Ctrl-C when its CPUs were computing, what it said, and the processes it had."""
    process = subprocess.Popen(
        [*EMU, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for_work(process)
    children = children_of(process)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    return process, output, errors, children


@pytest.mark.parametrize("command", [("run",), ("compare", "--policies", "inko,random")])
def test_ctrl_c_leaves_nothing(command, tmp_path):
    file = written(tmp_path / "busy.json", BUSY)
    supervisor, output, errors, children = interrupted(*command, "--cpus", 2, "--workload", file)
    assert supervisor.returncode == 130 and output == "" and "Traceback" not in errors, errors
    assert gone(children) and directories_of(supervisor.pid) == []


# --- emu policies ---------------------------------------------------------------------------------------------------


def test_policies_says_what_each_suits_and_where_it_fails():
    from emu.actor.policies import BUILTIN
    from emu.actor.policy_description import describe_policy

    done = emu("policies")
    assert done.returncode == 0 and set(BUILTIN) <= set(rows_of(done.stdout))
    for name in BUILTIN:
        policy = describe_policy(name)
        assert policy.name == name and policy.line and policy.suits and policy.fails, name
        assert {"enqueue", "pick"} <= set(policy.hooks)


def test_one_policy_in_full(tmp_path):
    done = emu("policies", "inko")
    assert "Suits:" in done.stdout and re.search(r"^hooks: .*balance", done.stdout, re.MULTILINE)
    text = (
        '"""mine: newest first.\n\nSuits: nothing\nmuch. Fails: often; e.g. always.\nMore text.\n"""\n'
        'PARAMETERS = {"slice": (7_000, "how long")}\n'
    )
    own = written(tmp_path / "mine.py", text + picking("-1"))
    done = emu("policies", own)
    assert "mine: newest first." in done.stdout and "slice = 7_000: how long" in done.stdout
    assert re.search(r"^the core's default: .*balance", done.stdout, re.MULTILINE)
    refused(emu("policies", "fastest"), "unknown policy 'fastest'")


def test_a_description_is_read_from_the_docstring(tmp_path):
    from emu.actor.policy_description import describe_policy

    text = '"""mine: newest first.\n\nSuits: nothing\nmuch. Fails: often; always.\nMore text.\n"""\n'
    policy = describe_policy(str(written(tmp_path / "mine.py", text + picking("-1"))))
    assert (policy.line, policy.suits, policy.fails) == ("newest first", "nothing much", "often; always")
    assert policy.parameters == {} and policy.hooks == ("enqueue", "pick", "dequeue")
    bare = describe_policy(str(written(tmp_path / "bare.py", picking("-1"))))
    assert (bare.line, bare.suits, bare.fails) == ("", "", "")
