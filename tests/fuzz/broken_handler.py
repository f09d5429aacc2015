"""Control: preloaded by a forkserver (children.PRELOAD), it makes `setsid` raise what no handler may raise."""

from emu.abi.syscall_numbers import NUMBERS
from emu.kernel.syscalls.linux import registry
from emu.machine import served  # noqa: F401  (registers the handlers, of which one is replaced)


def _broken(call):
    return 1 // 0


registry._HANDLERS[NUMBERS["setsid"]] = _broken
