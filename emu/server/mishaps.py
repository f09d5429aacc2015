"""What went wrong inside emu while it served a guest: ended calls and tasks, counted by name.

A served call that raises something else than LinuxError or Blocked shows a mistake of emu's, or a host that
refuses.  It ends that call with an error number that fits; where there is no call to end (a signal is delivered, a
trap reported) the task ends.  The machine goes on.  The person gets one line for each kind, only the first time, since
a guest may repeat it for ever; a checking build shows the traceback, too.
"""

import struct
import traceback

from ..abi.errno import EINVAL, EIO, ENOMEM
from ..hot.cache import CHECK

# What a guest is told, by what was raised; the first that fits.
_ANSWERS = (
    (MemoryError, ENOMEM),
    (RecursionError, ENOMEM),
    ((OverflowError, ValueError, struct.error), EINVAL),  # a word from a guest that emu has nowhere bounded
)


class Mishaps:
    """Counts by name; `say(line)` tells the person."""

    def __init__(self, say):
        self.counts = {}  # "sigaltstack OverflowError" -> how often
        self._say = say

    def note(self, what, error):
        """Count a failure of `what`; the error number that ends the call."""
        kind = type(error)
        kind = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        name = f"{what} {kind}"
        self.counts[name] = self.counts.get(name, 0) + 1
        if self.counts[name] == 1:
            if CHECK:
                self._say("".join(traceback.format_exception(error)).rstrip())
            self._say(f"emu: failed inside emu, please report it: {what}: {kind}: {error}")
        return next((answer for kinds, answer in _ANSWERS if isinstance(error, kinds)), EIO)
