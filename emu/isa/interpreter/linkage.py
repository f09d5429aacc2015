"""What translated code finds in the table of arms, behind them: the interpreter's common ends, and hot functions.

Translated code lies in memory that all CPUs share, while each has the interpreter at an address of its own.  So it
holds no address of these, but gets that of the table, in STATE.

Ends are tail-called with STATE; pc is then `base`, and `ip` 0.  Helpers take and return 64-bit integers, by a
convention in which the caller keeps its integer registers.
"""

from ..lower import float_operation
from ..table import ROWS
from ..words import OP_MASK
from .accesses import exchange_reserved, reserve
from .fetch import check_page
from .heat import more

ENDS = ("leave", "pause", "enter", "resume", "step", "plain")


def _helpers():
    found = {function.__name__: function for function in (reserve, exchange_reserved, check_page, more)}
    for operation in filter(None, map(float_operation, ROWS)):
        found[operation.exact.__name__] = operation.exact
    return found


HELPERS = _helpers()
POSITIONS = {name: OP_MASK + 1 + n for n, name in enumerate((*ENDS, *HELPERS))}
TABLE_WORDS = OP_MASK + 1 + len(POSITIONS)
