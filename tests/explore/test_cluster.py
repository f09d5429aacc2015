"""Campaigns on a Dask cluster: the same result as in one process, whichever worker is killed."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from emu.errors import MachineError
from emu.explore.campaign import Campaign, Plan, prepared
from emu.explore.cluster import Origin, play_there, workers
from emu.explore.world import ExploreError
from emu.machine.description import layout_digest

SEED = 6
SCHEDULES = 2000


@pytest.fixture
def cluster():
    """Two worker processes of two threads each; nannies start them again when they are killed."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None, silence_logs=50) as started:
        yield started


@contextlib.contextmanager
def both(program, schedules=SCHEDULES):
    """(Plan, what one process finds) of a program."""
    with prepared(Plan(str(program), seed=SEED)) as (world, plan):
        alone = Campaign(plan, schedules)
        alone.play(world)
        yield plan, alone.found


def test_a_cluster_finds_the_failure_that_one_process_finds(cluster, account):
    with both(account) as (plan, alone), workers(cluster.scheduler_address, plan) as (executor, count):
        spread = Campaign(plan, SCHEDULES)
        spread.spread(executor, count)
    assert count == 2 and alone.failure is not None
    assert spread.found.failure == alone.failure


def test_a_worker_that_is_killed_mid_way_loses_no_schedule(cluster, whole):
    killed = []

    def kill_one(found):
        if not killed and found.schedules >= SCHEDULES // 10:
            killed.append(next(iter(cluster.workers.values())).process.pid)
            os.kill(killed[0], signal.SIGKILL)

    with both(whole) as (plan, alone), workers(cluster.scheduler_address, plan) as (executor, count):
        spread = Campaign(plan, SCHEDULES, progress=kill_one)
        spread.spread(executor, count)
    assert killed and spread.found.failure is None
    assert spread.found.schedules == SCHEDULES and spread.found.distinct == alone.distinct


def test_the_command_finds_on_a_cluster_what_it_finds_alone(cluster, account, tmp_path):
    entry = [sys.executable, "-c", "import sys; from emu.commands.cli import main; sys.exit(main())", "explore"]
    told = []
    for where in ([], ["--cluster", cluster.scheduler_address]):
        command = [*entry, "--quiet", "--seed", str(SEED), *where, str(account)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1, done.stderr
        told.append((done.stderr.splitlines()[1:], (tmp_path / "account.replay").read_text()))
    assert told[0] == told[1] and len(told[0][0]) == 3


def test_workers_read_the_program_under_its_name_from_the_directory_of_who_explores(cluster, account, monkeypatch):
    monkeypatch.chdir(account.parent)
    with both(account.name) as (plan, alone), workers(cluster.scheduler_address, plan) as (executor, count):
        spread = Campaign(plan, SCHEDULES)
        spread.spread(executor, count)
    assert spread.found.failure == alone.failure is not None


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"program": "0" * 32}, "is another program on"),
        ({"layout": "other"}, "have another version of emu"),
        ({"directory": "/no/such/directory"}, "has no directory /no/such/directory"),
    ],
)
def test_a_worker_that_would_play_other_schedules_refuses(account, change, line):
    same = {"directory": os.getcwd(), "program": "", "layout": layout_digest()}
    with pytest.raises(ExploreError, match=line):
        play_there(Origin(**{**same, **change}), Plan(str(account)), 0, 1)


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("tcp://127.0.0.1:1", "no Dask scheduler answers within 1 s"),
        ("host", "expected the address of a Dask scheduler, such as tcp://host:8786"),
    ],
)
def test_an_address_where_no_scheduler_answers_is_one_line(account, monkeypatch, address, line):
    monkeypatch.setattr("emu.explore.cluster.CONNECT_S", 1)
    with pytest.raises(MachineError, match=line), workers(address, Plan(str(account))):
        pass


def test_without_the_extra_one_line_says_what_to_install(account, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MachineError, match=r"pip install 'emu\[dist\]'"), workers("tcp://host:1", Plan(str(account))):
        pass


def test_exploring_without_a_cluster_imports_nothing_of_dask():
    code = (
        "import sys, emu.explore.campaign, emu.commands.explore; assert not {'distributed', 'dask'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
