"""membarrier(2): all threads of a task pass a full memory barrier before the call returns.

A CPU that executes guest code answers an interrupt between two instructions; it is the interrupt of the TLB shoot-down,
with its acknowledgement (kernel/vm/shootdown.py).  The caller's stores come before the request (an atomic operation),
and the answerer's earlier accesses before its answer, so each thread's accesses are either before the answer and seen
by what the caller does next, or after it and see what the caller did before.  A CPU that executes no guest code then
has said so after its last access, and looks at requests before its next one.  The answer also empties the TLB through
which instructions are fetched, so the SYNC_CORE form needs nothing else: decoded code follows stores at once.

Rejected: rseq (restartable sequences).  musl does not ask for them; glibc asks once a thread and goes on without them
at ENOSYS, with which it is served (calls/info.py).  A switch would have to look at guest memory each time.
"""

from ...abi.errno import EINVAL, EPERM
from ...abi.registers import A0
from ...abi.words import int32
from ...hot import hot, never_inline
from ...shm.atomics import fence, fetch_or, load_relaxed
from ...shm.cpumask import load_mask
from ..critical import noncritical
from ..vm.shootdown import shoot_down, shoot_down_task

QUERY, GLOBAL, GLOBAL_EXPEDITED, REGISTER_GLOBAL_EXPEDITED = 0, 1, 2, 4
PRIVATE_EXPEDITED, REGISTER_PRIVATE_EXPEDITED = 8, 16
PRIVATE_EXPEDITED_SYNC_CORE, REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 32, 64
GET_REGISTRATIONS = 512
COMMANDS = 127 | GET_REGISTRATIONS
REGISTRATIONS = (
    REGISTER_GLOBAL_EXPEDITED | REGISTER_PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED_SYNC_CORE
)  # TASK.barriers holds these bits


@hot
def sys_membarrier(m, me, i):
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    command, flags, k = int32(t.x[A0]), t.x[A0 + 1] & 0xFFFFFFFF, t.task
    if flags != 0:
        return -EINVAL
    if command == QUERY:
        return COMMANDS
    if command == GET_REGISTRATIONS:
        return load_relaxed(m.tasks[k], "barriers")
    if command == GLOBAL or command == GLOBAL_EXPEDITED:
        fence()  # the caller's accesses come first
        shoot_down(m, me, load_mask(m, "active"))
        return 0
    if command == PRIVATE_EXPEDITED or command == PRIVATE_EXPEDITED_SYNC_CORE:
        if load_relaxed(m.tasks[k], "barriers") & (command << 1) == 0:
            return -EPERM
        shoot_down_task(m, me, k)
        return 0
    if command & REGISTRATIONS == command and command & (command - 1) == 0:
        fetch_or(m.tasks[k], "barriers", command)
        return 0
    return -EINVAL
