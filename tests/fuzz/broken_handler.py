"""Control: preloaded by a forkserver (children.PRELOAD), it makes `setsid` raise what no handler may raise."""

from emu.abi.syscall_numbers import NUMBERS
from emu.server import served  # noqa: F401  (registers the handlers, of which one is replaced)
from emu.server.calls import registry


def _broken(call):
    return 1 // 0


registry._HANDLERS[NUMBERS["setsid"]] = _broken
