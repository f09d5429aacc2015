"""Timers and signals come from other processes, also between a call's look and its wait: none is missed."""

from types import SimpleNamespace

import pytest

from emu.server.errors import Blocked
from emu.server.vfs import signal_file
from emu.server.vfs.signal_file import SignalFile
from emu.server.vfs.timer_file import TimerFile


class Node:
    """Changes right behind the look at it."""

    changes = reads = 0
    owner, server = 0, SimpleNamespace(base=0, me=0, open_files=SimpleNamespace(caller=0))

    def __init__(self):
        self.timer = SimpleNamespace(take_expirations=self.looked_at)

    def hold(self):
        pass

    def looked_at(self, *_):
        self.changes += 1
        return 0


def test_a_timer_that_expires_behind_the_look_is_news():
    with pytest.raises(Blocked) as blocked:
        TimerFile(Node(), 0).read(8)
    assert blocked.value.on.changes != blocked.value.on.seen


def test_a_signal_that_comes_behind_the_look_is_news(monkeypatch):
    node = Node()
    monkeypatch.setattr(signal_file, "take_signal", node.looked_at)
    with pytest.raises(Blocked) as blocked:
        SignalFile(node, 0, 0).read(128)
    assert blocked.value.on.changes != blocked.value.on.seen
