"""The CPUs of containers: their threads run where a capability says so (cz-17; kernel/containers/capabilities.py).

What a thread asks for (THREAD.asked_affinity) is always within CONTAINER.cpus, unless that is empty, once whoever
changed one of the two is done:

    who changes a thread's affinity, or starts a thread      who changes what the container may use
    1 cut it to `cpus`, store it (or start the thread)        1 store `cpus`
    2 fence, then look at `cpus` again                        2 fence, then look at each thread

Each looks after it has stored, so the later one of the two sees what the other one did.  The first one repeats until
what it has stored fits.  Who asks for CPUs that the container has not gets those that it has, as Linux's cpusets do.
"""

from ...abi.errno import EINVAL, EPERM
from ...hot import entry, hot, never_inline
from ...shm.atomics import fence
from ...shm.cpumask import load_mask, mask_and, mask_is_empty, mask_minus
from ...shm.layout import machine_at
from ..critical import noncritical
from ..thread.handles import exists, thread_handle
from ..thread.reaping import drop_thread, retain_thread
from .core import start_thread
from .migration import restrict


@hot
def _fits(m, i):
    """Whether thread i runs where its container may, or that has no say."""
    container = m.tasks[m.threads[i].task].container
    if container == 0:
        return True
    cpus = load_mask(m.containers[container - 1], "cpus")
    return mask_is_empty(cpus) or mask_is_empty(mask_minus(load_mask(m.threads[i], "asked_affinity"), cpus))


@hot
def _cut(m, me, i):
    """Cut thread i, whose record is held, to what its container may use; to all of that where nothing else is left."""
    while not _fits(m, i):
        cpus = load_mask(m.containers[m.tasks[m.threads[i].task].container - 1], "cpus")
        both = mask_and(load_mask(m.threads[i], "asked_affinity"), cpus)
        restrict(m, me, i, cpus if mask_is_empty(both) else both)
        fence()  # before `cpus` is looked at again; pairs with the fence in confine_all


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
def _confine(m, me, handle):
    """A thread of a container was started just now: it may be gone, and the container may use other CPUs by now."""
    never_inline()
    fence()  # it is started before `cpus` is looked at again; pairs with the fence in confine_all
    i = retain_thread(m, me, handle)
    if i >= 0:
        _cut(m, me, i)
        drop_thread(m, me, i)


@hot
def confine_all(m, me):
    """What containers may use has changed: look at all threads of theirs."""
    never_inline()
    noncritical(m, me)
    fence()  # `cpus` is stored before any thread is looked at; pairs with the fences in _confine and _cut
    for i in range(m.fresh_thread):
        if exists(m.threads[i]) and not _fits(m, i):
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
    fence()  # before `cpus` is looked at again; pairs with the fence in confine_all
    _cut(m, me, i)
    return 0
