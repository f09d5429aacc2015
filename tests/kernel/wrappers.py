"""Cold entries to the kernel's hot functions, for tests only."""

from emu.cpu_worker import loop
from emu.hot import entry
from emu.kernel import ipi, ticks, timekeeper
from emu.kernel.sched import core as sched
from emu.kernel.sched import hotplug, migration, randomness, runqueue, waking
from emu.kernel.sched import lists as queue
from emu.kernel.sched.runqueue import QUEUES_LOCK_FREE
from emu.kernel.sleep import futex, mutex, pi_futex, timeout_ring
from emu.kernel.sleep import heap as timeouts
from emu.kernel.sleep import until as sleep_until
from emu.kernel.task import exiting, suspend
from emu.kernel.thread import handles
from emu.kernel.thread import records as thread
from emu.kernel.thread.sleep_word import claim, prepare_sleep, sleep_word
from emu.kernel.vm import (
    address_space,
    areas,
    faults,
    forking,
    kernel_pages,
    maplock,
    moving,
    object_recovery,
    slab_recovery,
    slabs,
)
from emu.shm import lockrank, spinlock
from emu.shm.exits import ACCESS_READ
from emu.shm.layout import machine_at
from emu.shm.memory import call_4
from tests.kernel import guest_words

# --- lists and heaps ------------------------------------------------------------


@entry(3)
def append(address, q, i):
    m = machine_at(address)
    queue.append(m, m.queues[q], i)
    return 0


@entry(3)
def remove(address, q, i):
    m = machine_at(address)
    queue.remove(m, m.queues[q], i)
    return 0


@entry(2)
def pop(address, q):
    m = machine_at(address)
    return queue.pop(m, m.queues[q])


@entry(5)
def add_entry(address, deadline_ns, where, word, i):
    timeouts.add_entry(machine_at(address), deadline_ns, where, word, i)
    return 0


@entry(1)
def next_deadline(address):
    return timeouts.next_deadline(machine_at(address))


@entry(1)
def remove_first(address):
    timeouts.remove_first(machine_at(address))
    return 0


@entry(1)
def compact(address):
    return timeouts.compact(machine_at(address))


@entry(1)
def is_fragmented(address):
    return 1 if timeouts.is_fragmented(machine_at(address)) else 0


@entry(2)
def count_stale(address, word):
    timeouts.count_stale(machine_at(address), word)
    return 0


# --- the timekeeper and its rings ----------------------------------------------


@entry(6)
def post_timeout(address, me, deadline_ns, precise, i, word):
    timeout_ring.post_timeout(machine_at(address), me, deadline_ns, precise, i, word)
    return 0


@entry(6)
def post(address, me, deadline_ns, where, word, i):
    timeout_ring.post(machine_at(address), me, deadline_ns, where, word, i)
    return 0


@entry(3)
def coalesced(address, i, deadline_ns):
    return timeout_ring.coalesced(machine_at(address), i, deadline_ns)


@entry(1)
def take_messages(address):
    return timekeeper.take_messages(machine_at(address))


@entry(2)
def expire_due(address, me):
    return timekeeper.expire_due(machine_at(address), me)


@entry(3)
def go_to_sleep(address, me, deadline_ns):
    return 1 if timekeeper.go_to_sleep(machine_at(address), me, deadline_ns) else 0


@entry(3)
def rouse(address, me, deadline_ns):
    return 1 if timekeeper.rouse(machine_at(address), me, deadline_ns) else 0


@entry(4)
def acquire(address, me, lock, rank):
    spinlock.acquire(machine_at(address), me, lock, rank)
    return 0


@entry(6)
def set_timeout(address, me, i, deadline_ns, precise, lock):
    return sleep_until.set_timeout(machine_at(address), me, i, deadline_ns, precise, lock)


@entry(4)
def set_infinite_timeout(address, me, i, lock):
    return sleep_until.set_infinite_timeout(machine_at(address), me, i, lock)


@entry(3)
def clear_timeout(address, me, i):
    return 1 if sleep_until.clear_timeout(machine_at(address), me, i) else 0


@entry(3)
def random_below(address, me, bound):
    return randomness.random_below(machine_at(address), me, bound)


@entry(2)
def random_below_random(address, me):
    """A number below a random power of two; -1 when it is not."""
    m = machine_at(address)
    bound = 1 << randomness.random_below(m, me, 12)
    value = randomness.random_below(m, me, bound)
    return value if 0 <= value < bound else -1


# --- threads ----------------------------------------------------------------------


@entry(3)
def allocate_thread(address, me, task):
    return thread.allocate_thread(machine_at(address), me, task)


@entry(3)
def free_thread(address, me, i):
    thread.free_thread(machine_at(address), me, i)
    return 0


@entry(2)
def thread_handle(address, i):
    return handles.thread_handle(machine_at(address), i)


@entry(2)
def thread_index(address, handle):
    return handles.thread_index(machine_at(address), handle)


@entry(2)
def task_handle(address, k):
    return handles.task_handle(machine_at(address), k)


@entry(2)
def task_index(address, handle):
    return handles.task_index(machine_at(address), handle)


# --- scheduling ---------------------------------------------------------------------


@entry(2)
def pick_next(address, me):
    return sched.pick_next(machine_at(address), me)


@entry(3)
def pull(address, me, queue_index):
    return sched.pull(machine_at(address), me, queue_index)


@entry(3)
def switch(address, me, i):
    return sched.switch(machine_at(address), me, i, False)


@entry(3)
def block(address, me, i):
    return 1 if sched.block(machine_at(address), me, i) else 0


@entry(3)
def make_runnable(address, me, i):
    waking.make_runnable(machine_at(address), me, i)
    return 0


@entry(3)
def leave(address, me, i):
    sched.leave(machine_at(address), me, i)
    return 0


@entry(4)
def exit_thread(address, me, i, status):
    exiting.exit_thread(machine_at(address), me, i, status)
    return 0


@entry(3)
def system_call(address, me, i):
    """What a CPU does at an ecall."""
    loop._system_call(machine_at(address), me, i)
    return 0


@entry(2)
def idle(address, me):
    """What a CPU does with nothing to run: 0 when work has come, else what for it returns to cold code."""
    return loop._idle(machine_at(address), me)


@entry(4)
def mutex_lock(address, me, i, n):
    return mutex.mutex_lock(machine_at(address), me, i, n)


@entry(4)
def mutex_unlock(address, me, i, n):
    return mutex.mutex_unlock(machine_at(address), me, i, n)


@entry(4)
def suspend_sync(address, me, i, j):
    return suspend.suspend_sync(machine_at(address), me, i, j, False)


@entry(3)
def stop_here(address, me, i):
    suspend.stop_here(machine_at(address), me, i)
    return 0


@entry(3)
def resume_async(address, me, i):
    return 1 if suspend.resume_async(machine_at(address), me, i) else 0


@entry(3)
def yield_cpu(address, me, i):
    return sched.switch(machine_at(address), me, i, True)


@entry(3)
def tick(address, me, i):
    """What a CPU does every BUDGET_INSTRUCTIONS; 1 when another thread got it."""
    return 1 if loop._tick(machine_at(address), me, i) else 0


@entry(2)
def balance_periodically(address, me):
    migration.balance_periodically(machine_at(address), me)
    return 0


@entry(3)
def move_runnable(address, me, i):
    """Take a waiting thread to a queue that it may be on."""
    m = machine_at(address)
    if m.queue_kind == QUEUES_LOCK_FREE:
        migration.tell_misplaced(m, me, runqueue.queue_of(m.threads[i]))
        return 0
    return 1 if migration.move_runnable(m, me, i, runqueue.queue_of(m.threads[i])) else 0


@entry(2)
def move_misplaced(address, me):
    migration.move_misplaced(machine_at(address), me)
    return 0


@entry(2)
def evacuate(address, me):
    hotplug.evacuate(machine_at(address), me)
    return 0


@entry(2)
def pay_look(address, me):
    sched.pay_look(machine_at(address), me)
    return 0


@entry(2)
def retire(address, me):
    return hotplug.retire(machine_at(address), me)


@entry(4)
def place(address, me, i, reason):
    return runqueue.place(machine_at(address), me, i, reason)


@entry(3)
def sleep(address, i, reason):
    return prepare_sleep(machine_at(address).threads[i], reason)


@entry(3)
def claim_sleep(address, i, word):
    return 1 if claim(machine_at(address).threads[i], word) else 0


@entry(2)
def sleep_of(address, i):
    return sleep_word(machine_at(address).threads[i])


# --- futexes (with six words at most, flags travel in one) --------------------------------


@entry(6)
def futex_wait(address, me, i, va, expected, deadline_ns):
    return futex.wait_on(machine_at(address), me, i, va, expected, deadline_ns, futex.MATCH_ANY, 1)


@entry(6)
def futex_wait_bits(address, me, i, va, expected, bits):
    return futex.wait_on(machine_at(address), me, i, va, expected, 0, bits, 1)


@entry(6)
def futex_wake(address, me, task, va, count, bits):
    return futex.wake_on(machine_at(address), me, task, va, count, bits, 1)


@entry(7)
def futex_requeue(address, me, task, va, target, wake_count, move_count):
    m = machine_at(address)
    return futex.requeue(m, me, task, va, target, wake_count, move_count, False, 0, 1)


@entry(8)
def futex_compare_requeue(address, me, task, va, target, wake_count, move_count, expected):
    m = machine_at(address)
    return futex.requeue(m, me, task, va, target, wake_count, move_count, True, expected, 1)


# --- address spaces -----------------------------------------------------------------------


@entry(5)
def unmap_pages(address, me, task, start, length):
    return address_space.unmap_pages(machine_at(address), me, task, start, length)


@entry(5)
def discard_pages(address, me, task, start, length):
    return address_space.discard_pages(machine_at(address), me, task, start, length)


@entry(8)
def remap(address, me, task, old, old_size, new_size, may_move, target):
    return moving.remap(machine_at(address), me, task, old, old_size, new_size, may_move, target)


@entry(6)
def place_pages(address, me, task, hint, length, prot):
    m = machine_at(address)
    return address_space.place_pages(m, me, task, hint, length, address_space.permissions(prot), -1, 0)


@entry(5)
def is_mapped(address, me, task, start, length):
    return 1 if address_space.is_mapped(machine_at(address), me, task, start, length) else 0


@entry(5)
def is_free(address, me, task, start, length):
    return 1 if address_space.is_free(machine_at(address), me, task, start, length) else 0


@entry(5)
def user_address(address, me, task, va, access):
    return guest_words.user_address(machine_at(address), me, task, va, access)


@entry(4)
def copy_space(address, me, parent, child):
    return forking.copy_space(machine_at(address), me, parent, child)


@entry(3)
def rebuild_areas(address, me, task):
    areas.rebuild_areas(machine_at(address), machine_at(address).tasks[task])
    return 0


@entry(2)
def rebuild_objects(address, me):
    object_recovery.rebuild_objects(machine_at(address), me)
    return 0


@entry(4)
def resolve_once(address, me, task, va):
    """What a load finds: an entry, or why there is none."""
    m = machine_at(address)
    maplock.lock_mm(m, me, task)
    found = faults.resolve(m, me, task, va, ACCESS_READ)
    maplock.unlock_mm(m, me, task)
    return found


@entry(4)
def set_break(address, me, task, wanted):
    return address_space.set_break(machine_at(address), me, task, wanted)


@entry(5)
def call_fault(address, function, cpu, va, access):
    """Call the MMU's miss handler as the interpreter does."""
    return call_4(function, address, cpu, va, access)


@entry(4)
def send(address, me, target, vector):
    """How many messages this actor owes after one more interrupt."""
    m = machine_at(address)
    ipi.send_ipi(m, me, target, vector)
    return m.cpus[me].kicks


# --- time since the machine was made -------------------------------------------------------------


@entry(2)
def add_ticks(word, count):
    return ticks.add_ticks(word, count)


@entry(1)
def total_ticks(word):
    return ticks.total_ticks(word)


# --- kernel memory ---------------------------------------------------------------


@entry(3)
def give_grant_back(address, me, k):
    kernel_pages.give_grant_back(machine_at(address), me, k)
    return 0


@entry(5)
def kmem_control(address, me, k, operation, pages):
    return kernel_pages.kmem_control(machine_at(address), me, k, operation, pages)


@entry(2)
def allocate_page(address, me):
    return kernel_pages.allocate_page(machine_at(address), me)


@entry(3)
def free_page(address, me, at):
    kernel_pages.free_page(machine_at(address), me, at)
    return 0


@entry(4)
def kmalloc(address, me, size_bytes, tag):
    return slabs.kmalloc(machine_at(address), me, size_bytes, tag)


@entry(3)
def kfree(address, me, at):
    slabs.kfree(machine_at(address), me, at)
    return 0


@entry(2)
def recover_kernel_memory(address, me):
    slab_recovery.recover_kernel_memory(machine_at(address), me)
    return 0


@entry(2)
def take_kmem_lock_over(address, me):
    """The lock's word afterwards."""
    m = machine_at(address)
    spinlock.take_over(m, me, spinlock.field_address(m, "kmem_lock"), lockrank.KMEM)
    word = m.kmem_lock
    kernel_pages.unlock_kmem(m, me)
    return word


# --- PI futexes ---------------------------------------------------------------------------


@entry(4)
def pi_lock(address, me, i, va):
    return pi_futex.lock_pi(machine_at(address), me, i, va, 0, 1, False)


@entry(4)
def pi_unlock(address, me, i, va):
    return pi_futex.unlock_pi(machine_at(address), me, i, va, 1)


@entry(3)
def pi_release(address, me, i):
    pi_futex.release_pi(machine_at(address), me, i)
    return 0
