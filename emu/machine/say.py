"""Lines of the supervisor for the person, on standard error."""

import contextlib
import sys


def say(*lines):
    """Print lines, whether or not somebody reads them."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(*lines, sep="\n", file=sys.stderr, flush=True)
