"""A call that finds nothing, and waits, has changed nothing: else it would be made again for ever."""

import pytest

from emu.abi.syscall_numbers import NUMBERS
from emu.kernel.server_ring import REQUEST_SYSCALL
from tests.server.played_server import THREAD, ask, played_server

BUFFER = 0x3FFF000000  # never reached: nothing is read
SIGNALS = 8  # bytes of a mask
FILES = {"timerfd_create": (1, 0), "signalfd4": ((1 << 64) - 1, BUFFER, SIGNALS, 0)}


@pytest.mark.parametrize("make", FILES)
def test_who_waits_to_read_has_changed_nothing(window, tmp_path, make):
    with played_server(window, tmp_path) as server:
        pages = int(server.machine["threads"][THREAD]["x"][2]) - 4096  # of its stack
        fd = ask(server, REQUEST_SYSCALL, NUMBERS[make], *(pages if a == BUFFER else a for a in FILES[make]))
        assert fd >= 0
        assert ask(server, REQUEST_SYSCALL, NUMBERS["read"], fd, pages, 128) is None
        assert THREAD in server.waiting and server.waiting.changed() == []
