"""Random system calls break nothing, and reach every handler. The campaign itself: campaign.py."""

import inspect
import os

import pytest

from emu.abi.syscall_numbers import name_of
from emu.machine import children  # noqa: F401  (registers the handlers)
from emu.server import served  # noqa: F401  (registers the handlers)
from emu.server.calls import info, registry
from tests.fuzz.campaign import Campaign, CampaignFailed

CALLS = 30_000
MORE_CALLS = 400_000  # for a rare call that has not succeeded by chance
SEED = int(os.environ.get("EMU_SEED", 7))  # the same calls each time: to search for others is tools/fuzz_syscalls.py
SHARE = 0.3  # of the calls succeeds at least, or they look at nothing but the refusals
REFUSE = (info.not_permitted, info.not_offered)  # handlers that always fail
LEADERS_MAY_NOT = {"setpgid", "setsid"}  # each program leads its session and group; its children leave at once


def handlers_that_may_succeed():
    handlers = {number: registry.handler_of(number) for number in range(1 << 13) if registry.handler_of(number)}
    able = [number for number, handler in handlers.items() if inspect.unwrap(handler) not in REFUSE]
    return [number for number in able if name_of(number) not in LEADERS_MAY_NOT]


@pytest.mark.timeout(1200)  # half a minute; many times that on a host that hardly gives it a core
def test_no_system_call_breaks_anything_and_each_succeeds_at_least_once(warm):
    wanted = handlers_that_may_succeed()
    with Campaign(SEED) as campaign:
        campaign.run(CALLS)
        while campaign.never_succeeded(wanted) and campaign.calls < MORE_CALLS:
            campaign.run(1)
    assert campaign.share_of_successes() >= SHARE
    assert [name_of(n) for n in campaign.never_succeeded(wanted)] == []


@pytest.fixture
def broken_server(warm, monkeypatch):
    """The servers of this test's machines have a handler that raises: they come from a forkserver of their own."""
    children._end()
    monkeypatch.setattr(children, "PRELOAD", [*children.PRELOAD, "tests.fuzz.broken_handler"])
    yield
    children._end()


def test_control_a_handler_that_raises_is_found(broken_server):
    with Campaign(SEED) as campaign, pytest.raises(CampaignFailed, match="setsid ZeroDivisionError"):
        campaign.run(CALLS)
