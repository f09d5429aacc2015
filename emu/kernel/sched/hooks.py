"""Where the scheduler core and a policy meet: a table of hooks. What each hook does and may assume: emu/policy.py.

In every process a table of addresses (CPU.hooks) leads to the compiled hooks; a call costs about a nanosecond and a
half, and hooks are compiled and cached on their own.  The core calls them with `call_hook` and its kin where a hook
is required or known to be there, and with `tell` and its kin where a policy may have it.
"""

from ...hot import Callback, hot
from ...limits import MAX_HOOKS
from ...shm.events import POLICY, emit
from ...shm.layout import MACHINE
from ...shm.memory import AMO_64, address_of, call_2, call_3, call_4, compare_exchange_64
from ...shm.spinlock import field_address

_add = AMO_64["add"]

# name: arguments, machine included. The index in this table is the hook's number.
HOOKS = {
    "enqueue": 4, "pick": 2, "dequeue": 3, "stopped": 4, "yielded": 3, "tick": 3, "timeslice": 3, "preempts": 4,
    "select_cpu": 4, "balance": 3, "add_thread": 3, "remove_thread": 3, "cpu_online": 2, "cpu_offline": 2,
    "add_task": 2, "remove_task": 2, "hand_over": 3, "add_group": 2, "remove_group": 2, "regroup": 4,
}  # fmt: skip
NAMES = tuple(HOOKS)
(
    ENQUEUE, PICK, DEQUEUE, STOPPED, YIELDED, TICK, TIMESLICE, PREEMPTS,
    SELECT_CPU, BALANCE, ADD_THREAD, REMOVE_THREAD, CPU_ONLINE, CPU_OFFLINE, ADD_TASK, REMOVE_TASK,
    HAND_OVER, ADD_GROUP, REMOVE_GROUP, REGROUP,
) = range(len(HOOKS))  # fmt: skip
assert len(HOOKS) <= MAX_HOOKS

PLACE_SPAWN, PLACE_WAKE, PLACE_PREEMPT = range(3)  # why a thread has to be placed: an argument of select_cpu
ENQUEUE_SPAWN, ENQUEUE_WAKE, ENQUEUE_PREEMPT, ENQUEUE_YIELD, ENQUEUE_MOVE, ENQUEUE_BACK = range(6)
STOP_BLOCK, STOP_EXIT, STOP_MOVE = range(3)
PERIODIC = -1


@hot
def has_hook(m, me, index):
    return m.cpus[me].hooks[index] != 0


@hot
def call_pick(m, me, queue):
    return call_2(m.cpus[me].hooks[PICK], address_of(m), queue)


@hot
def call_hook(m, me, index, a, b):
    """Call a hook of two arguments beside the machine."""
    return call_3(m.cpus[me].hooks[index], address_of(m), a, b)


@hot
def call_hook_3(m, me, index, a, b, c):
    """Call a hook of three arguments beside the machine."""
    return call_4(m.cpus[me].hooks[index], address_of(m), a, b, c)


@hot
def tell(m, me, index, queue, i):
    """Call a hook of queue and thread, if the policy has it."""
    if m.cpus[me].hooks[index] != 0:
        call_hook(m, me, index, queue, i)


@hot
def tell_queue(m, me, index, queue):
    """Call a hook of a queue alone, if the policy has it."""
    if m.cpus[me].hooks[index] != 0:
        call_2(m.cpus[me].hooks[index], address_of(m), queue)


@hot
def tell_task(m, me, index, k):
    """Call a hook of a task, if the policy has it."""
    tell_queue(m, me, index, k)


@hot
def tell_group(m, me, index, g):
    """Call a hook of a group, if the policy has it."""
    tell_queue(m, me, index, g)


@hot
def group_of(t):
    """For hooks: the index of a thread's group (kernel/upcalls/), -1: it is in none."""
    return t.kse_group - 1


@hot
def add_to_group(m, group, word, by):
    """For hooks: add to one of a group's words, atomically; the old value."""
    return _add(field_address(m.groups[group], "policy") + 8 * word, by)


@hot
def swap_in_group(m, group, word, old, new):
    """For hooks: store a new value in one of a group's words, atomically, if it has the old one; whether it had."""
    return compare_exchange_64(field_address(m.groups[group], "policy") + 8 * word, old, new) == 1


@hot
def add_to_task(m, task, word, by):
    """For hooks: add to one of a task's words, atomically; the old value."""
    return _add(field_address(m.tasks[task], "policy") + 8 * word, by)


@hot
def add_to_queue(m, queue, word, by):
    """For hooks that run without the queue's lock: add to one of its words, atomically; the old value."""
    return _add(field_address(m.queues[queue], "policy") + 8 * word, by)


@hot
def emit_policy(m, queue, thread, a, b):
    """For hooks that run with `queue` locked: an event of the policy's own, a thread or -1 and two numbers.

    The two hooks that run without a lock have `me` and say emit(m, me, POLICY, thread, a, b).
    """
    holder = m.queues[queue].lock - 1
    if holder >= 0:
        emit(m, holder, POLICY, thread, a, b)  # the event goes into the ring of the actor that holds the lock


def hook(function):
    """Declare a policy's hook: a compiled function that gets the machine and integers."""
    return Callback(function, function.__code__.co_argcount, MACHINE)
