"""Replay files: what is in them happens again, and nothing else is taken for one."""

import json
from pathlib import Path

import pytest

from emu.explore.campaign import Campaign, Plan, prepared
from emu.explore.replay import ReplayError, keep, read_replay
from emu.explore.shrink import shrink
from emu.world.strategies import planned


@pytest.fixture(params=["sc", "rvwmo"])
def kept(built, tmp_path, request):
    """(file, what became of the schedule in it)."""
    file = tmp_path / "account.replay"
    with prepared(Plan(built("account"), seed=3, memory=request.param)) as (world, plan):
        campaign = Campaign(plan, 2000)
        campaign.play(world)
        simple, _ = shrink(world, campaign.found.failure)
        keep(file, world, plan, campaign.found.failure, simple)
    return file, simple


def test_a_schedule_in_a_file_happens_again(kept):
    file, before = kept
    replay = read_replay(file)
    assert replay.wrong == "exit status 1" and replay.digest == before.digest
    with replay.plan.world() as world:
        for _ in range(3):
            assert world.run(replay.number, planned, plan=replay.switches) == before


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "no replay file: it is not JSON"),
        (b"\xff\x00", "no replay file: it is not JSON"),
        (b"[]", "damaged, or no replay file"),
        (b'{"emu": 1}', "damaged, or no replay file"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, content, line):
    file = tmp_path / "bad.replay"
    file.write_bytes(content)
    with pytest.raises(ReplayError) as refused:
        read_replay(file)
    assert str(refused.value) == f"{file}: {line}"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ReplayError, match="cannot be read: No such file or directory"):
        read_replay(tmp_path / "none")


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("layout", "0", "whose machines are laid out differently: explore again"),
        ("program_digest", "0", "is another program than when this was found: explore again"),
        ("switches", 7, "damaged, or no replay file"),
        ("plan", {"program": "x", "nonsense": 1}, "damaged, or no replay file"),
    ],
)
def test_what_would_be_another_schedule_is_refused(kept, field, value, line):
    file, _ = kept
    Path(file).write_text(json.dumps({**json.loads(file.read_text()), field: value}))
    with pytest.raises(ReplayError, match=line):
        read_replay(file)
