"""The alternate stack for signal handlers (sigaltstack(2)): whether it is in use, and where a frame goes.

Its fields in the THREAD record are alt_stack, alt_stack_bytes (0: there is none) and alt_stack_flags.
"""

from ...abi.words import WORD
from ...limits import USER_TOP

SS_ONSTACK, SS_DISABLE, SS_AUTODISARM = 1, 2, 1 << 31
MINIMUM_BYTES = 2048  # MINSIGSTKSZ
NOWHERE = (1 << 64) - 16  # an address at which no frame can be


def is_on(thread, sp):
    """True when an sp lies in the alternate stack."""
    low, size = int(thread["alt_stack"]), int(thread["alt_stack_bytes"])
    return low < sp & WORD <= low + size


def in_use(thread, sp):
    """True when the thread runs on its alternate stack; never for one that disarms itself (SS_AUTODISARM)."""
    return not int(thread["alt_stack_flags"]) & SS_AUTODISARM and is_on(thread, sp)


def room_problem(low, size):
    """True when no stack can be there: too small, or not in user space."""
    return size < MINIMUM_BYTES or low > USER_TOP or size > USER_TOP - low


def stack_frame_address(thread, sp, wants_alternate, size):
    """Where a handler's frame of `size` bytes goes, for a thread that ran with this sp."""
    sp &= WORD
    used = in_use(thread, sp)
    if used and not is_on(thread, sp - size):
        return NOWHERE  # the frame would overflow into what lies below the stack
    if wants_alternate and not used and thread["alt_stack_bytes"]:
        sp = int(thread["alt_stack"]) + int(thread["alt_stack_bytes"])
    return (sp - size & WORD) & ~15
