"""clone and clone3 while the system server is behind: the rest of the calls is hot (kernel/linux/processes.py).

CPUs make and end tasks faster than the server learns of it.  So that records of ended tasks do not pile up, who forks
while much is in the server's ring asks the server, like anybody in the order of the ring; what was before it is done
then, and the call is made again.
"""

from ...kernel.thread.states import RESTART_WOKEN
from ..errors import NoResult
from .registry import served


@served("clone", "clone3")
def clone_again(call):
    call.thread["restart"] = RESTART_WOKEN
    raise NoResult
