"""Control: preloaded by a forkserver (children.PRELOAD), it makes `setsid` raise what no handler may raise."""

from emu.kernel.syscalls.linux import registry
from emu.kernel.syscalls.linux.numbers import NUMBERS


def _broken(call):
    return 1 // 0


registry.handler_of(NUMBERS["setsid"])  # the handlers are registered
registry._HANDLERS[NUMBERS["setsid"]] = _broken
