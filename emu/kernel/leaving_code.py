"""When no CPU is in translated code: the translator asks, before it uses the arena's room again.

The translator has made all regions dead.  A CPU may still be inside one, also while it serves a host fault of it, or
answers a shoot-down from there; so it says that it is outside only in its main loop (`leave_code`).  One that runs no
guest (tlb_active is 0) is outside, and finds the regions dead when it comes back:

    translator   1 regions dead                CPU   1 tlb_active = 1 (a full fence)
                 2 code_request (a full fence)       2 reads REGION.code
                 3 reads tlb_active

If 3 finds 0, the CPU's 1 comes later, and its 2 finds the region dead.
"""

from ..hot import entry, hot
from ..limits import IPI_CODE
from ..shm.atomics import fetch_add, load_acquire, load_seq_cst, store_release
from ..shm.layout import machine_at
from .ipi import send_ipi


@hot
def leave_code(m, me):
    """This CPU is in no translated code just now: it is in its main loop."""
    c = m.cpus[me]
    store_release(c, "code_done", load_acquire(c, "code_request"))  # pairs with load_acquire in has_left


@entry(3)
def ask_to_leave(address, me, cpu):
    """Ask a CPU to leave translated code; the request's number. Its messages are owed to it afterwards."""
    m = machine_at(address)
    request = fetch_add(m.cpus[cpu], "code_request", 1) + 1
    if load_seq_cst(m.cpus[cpu], "tlb_active") != 0:
        send_ipi(m, me, cpu, IPI_CODE)
    return request


@entry(3)
def has_left(address, cpu, request):
    """Whether a CPU has been outside of translated code since it was asked."""
    c = machine_at(address).cpus[cpu]
    return int(load_acquire(c, "code_done") >= request or load_seq_cst(c, "tlb_active") == 0)
