"""The CPUs of containers: their threads run where a capability says so (cz-17; kernel/containers/capabilities.py).

What a thread asks for (THREAD.asked_affinity) is always within CONTAINER.cpus, unless that is empty, once whoever
changed one of the two is done:

    who changes a thread's affinity, or starts a thread      who changes what the container may use
    1 cut it to `cpus`, store it (or start the thread)        1 store `cpus`
    2 fence, then look at `cpus` again                        2 fence, then look at each thread

Each looks after it has stored, so the later one of the two sees what the other one did.  The first one repeats until
what it has stored fits.  Who asks for CPUs that the container has not gets those that it has, as Linux's cpusets do.
The fence of who changes an affinity is that of migration.restrict, that of who starts a thread the compare-and-swap by
which the thread is held.  Whoever cuts an affinity reads it under the lock that it is stored under (restrict_within):
else what is asked for at that moment would be lost.
"""

from ...abi.errno import EINVAL, EPERM
from ...hot import entry, hot, never_inline
from ...shm.atomics import fence
from ...shm.cpumask import load_mask, mask_and, mask_is_empty, mask_minus, mask_none
from ...shm.layout import machine_at
from ..critical import noncritical
from ..thread.handles import exists, thread_handle
from ..thread.reaping import drop_thread, retain_thread
from .migration import restrict, restrict_within
from .waking import make_runnable, start_thread


@hot
def _confined_to(m, i):
    """The CPUs of thread i's container; none where it is in none, or that has no say."""
    container = m.tasks[m.threads[i].task].container
    return load_mask(m.containers[container - 1], "cpus") if container != 0 else mask_none()


@hot
def _fits(m, i, cpus):
    return mask_is_empty(cpus) or mask_is_empty(mask_minus(load_mask(m.threads[i], "asked_affinity"), cpus))


@hot
def _cut(m, me, i):
    """Cut thread i, whose record is held, to what its container may use; to all of that where nothing else is left."""
    cpus = _confined_to(m, i)
    while not _fits(m, i, cpus):  # the same that it is cut to: they may be none the next moment
        restrict_within(m, me, i, cpus)
        cpus = _confined_to(m, i)


@hot
def start_new(m, me, n):
    """start_thread for a thread that a guest makes; it may be gone when this returns."""
    noncritical(m, me)
    if m.tasks[m.threads[n].task].container == 0:
        start_thread(m, me, n)
    else:
        handle = thread_handle(m, n)
        start_thread(m, me, n)
        _confine(m, me, handle)


@hot
def wake_as_new(m, me, n):
    """make_runnable for a thread to which the caller, who has taken its sleep, gave the affinity of another one."""
    noncritical(m, me)
    if m.tasks[m.threads[n].task].container == 0:
        make_runnable(m, me, n)
    else:
        handle = thread_handle(m, n)
        make_runnable(m, me, n)
        _confine(m, me, handle)


@hot
def _confine(m, me, handle):
    """A thread of a container was started just now: it may be gone, and the container may use other CPUs by now."""
    never_inline()
    i = retain_thread(m, me, handle)  # a full fence before `cpus` is looked at; pairs with the fence in confine_all
    if i >= 0:
        _cut(m, me, i)
        drop_thread(m, me, i)


@hot
def confine_all(m, me):
    """What containers may use has changed: look at all threads of theirs."""
    never_inline()
    noncritical(m, me)
    fence()  # `cpus` is stored before any thread is looked at; pairs with those named in the header
    for i in range(m.fresh_thread):
        if exists(m.threads[i]) and not _fits(m, i, _confined_to(m, i)):
            n = retain_thread(m, me, thread_handle(m, i))
            if n >= 0:
                _cut(m, me, n)
                drop_thread(m, me, n)


@entry(3)
def change_affinity(address, me, i):
    """Restrict thread i to the CPUs of `me`'s `given` that its container may use.

    0; -EPERM: its container may not choose; -EINVAL: none of them is the container's.
    """
    m = machine_at(address)
    asked = load_mask(m.cpus[me], "given")
    container = m.tasks[m.threads[i].task].container
    if container == 0:
        restrict(m, me, i, asked)
        return 0
    cpus = load_mask(m.containers[container - 1], "cpus")
    if mask_is_empty(cpus):
        return -EPERM
    if mask_is_empty(mask_and(asked, cpus)):
        return -EINVAL
    restrict(m, me, i, mask_and(asked, cpus))
    _cut(m, me, i)  # `cpus` may have changed meanwhile
    return 0
