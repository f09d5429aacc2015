"""Random native calls break nothing, and each kind of them succeeds. The campaign itself: campaign.py."""

import os
import re

import pytest

from emu.kernel.native import numbers
from tests.fuzz.campaign import HERE, Campaign

CALLS = 40_000
MORE_CALLS = 400_000  # for a kind that has not succeeded by chance
SEED = int(os.environ.get("EMU_SEED", 14))  # to search for others is tools/fuzz_syscalls.py
SHARE = 0.25  # of the calls succeeds at least, or they look at nothing but the refusals
KERNELS_OWN = {"aio_end"}  # refused to everybody else

SOURCE = (HERE / "natives.c").read_text()
KINDS = dict(re.findall(r"\bX\((\w+), EMU_(\w+),", SOURCE))  # a call may be of several kinds


def test_the_grammar_has_every_native_call():
    no_calls = {"FIRST", "END", "FIRST_HOT", "EXPLORE_BEGIN", "ASSERT_FAILED"}  # the last two: in `emu explore` only
    known = {name for name, value in vars(numbers).items() if isinstance(value, int)} - no_calls
    assert known == set(KINDS.values())


@pytest.mark.timeout(600)
def test_no_native_call_breaks_anything_and_each_kind_succeeds_at_least_once(warm):
    wanted = KINDS.keys() - KERNELS_OWN
    with Campaign(SEED, native=True, native_calls=CALLS // 3) as campaign:
        campaign.run(CALLS)
        while campaign.never_succeeded(wanted) and campaign.calls < MORE_CALLS:
            campaign.run(1)
    assert campaign.share_of_successes() >= SHARE
    assert campaign.never_succeeded(wanted) == []
