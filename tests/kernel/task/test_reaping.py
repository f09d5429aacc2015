"""The end of tasks on played CPUs: who frees the record, who is told, and that no child escapes a kill (cz-9)."""

import pytest

from emu.hot import entry
from emu.kernel.ipi import take_pending
from emu.kernel.sched import waking
from emu.kernel.task.family import found_family
from emu.kernel.task.fork import fork_task, release_child
from emu.kernel.task.kill_reasons import KILL_ASKED
from emu.kernel.task.reaping import close_machine, drain_if_done, give_all_up, reap_task, tell_end
from emu.kernel.task.records import create_task, kill_job, kill_task
from emu.kernel.thread import handles
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.states import TASK_ALIVE, TASK_FREE, TASK_ZOMBIE
from emu.kernel.vm.lending import give_up_space
from emu.limits import IPI_CALL, IPI_RESCHEDULE, SERVER, SUPERVISOR
from emu.shm.cpumask import to_words
from emu.shm.layout import machine_at
from tests.kernel import wrappers as hot
from tests.kernel.cpus import played

FORK, VFORK = 0, 0x4100  # flags of clone; the latter CLONE_VM | CLONE_VFORK


@entry(4)
def fork(address, me, i, flags):
    return fork_task(machine_at(address), me, i, 17, False, flags)


@entry(3)
def release_forked(address, me, k):
    release_child(machine_at(address), me, k)
    return 0


@entry(3)
def give_up(address, me, k):
    give_all_up(machine_at(address), me, k)
    return 0


@entry(3)
def tell(address, me, k):
    tell_end(machine_at(address), me, k)
    return 0


@entry(3)
def return_memory(address, me, k):
    give_up_space(machine_at(address), me, k)
    return 0


class Parent:
    """A task with one thread, which runs on CPU 0."""

    def __init__(self, cpus):
        self.cpus, self.base, self.machine = cpus, cpus.base, cpus.machine
        self.task = create_task(cpus.base, 0)
        self.thread = create_thread(cpus.base, 0, self.task)
        self.record = cpus.machine["tasks"][self.task]
        self.record["leader"] = hot.thread_handle(cpus.base, self.thread)
        self.record["pid"] = handles.tid(cpus.base, self.thread)
        found_family(cpus.base, SERVER, self.task)
        cpus.threads[self.thread]["affinity"] = to_words(1)
        waking.start(cpus.base, 0, self.thread)
        assert cpus.pick(0) == self.thread

    def fork(self, flags=FORK):
        """A child whose thread does not run yet; its task."""
        n = fork(self.base, 0, self.thread, flags)
        assert n >= 0
        return int(self.machine["threads"][n]["task"])

    def job(self):
        return self.machine["jobs"][int(self.record["job"])]


@pytest.fixture
def parent():
    with played(2, "inko") as cpus:
        yield Parent(cpus)


def test_a_cpu_that_is_second_with_the_last_record_tells_server_and_supervisor(parent):
    base, k = parent.base, parent.task
    close_machine(base, SERVER)
    give_up(base, 0, k)
    parent.record["exiting"] = 1
    reap_task(base, SERVER, k)
    assert not parent.job()["done"] and drain_if_done(base, SERVER) == 0, "the parent has not been told yet"
    for actor in (SERVER, SUPERVISOR):
        take_pending(base, actor)
    tell(base, 0, k)
    assert parent.record["state"] == TASK_FREE and parent.job()["done"]
    assert take_pending(base, SERVER) & IPI_CALL and take_pending(base, SUPERVISOR) & IPI_RESCHEDULE
    assert drain_if_done(base, SERVER) == 1


def test_a_zombie_is_freed_by_the_second_of_server_and_parent(parent):
    base, k = parent.base, parent.fork()
    child = parent.machine["tasks"][k]
    give_up(base, 1, k)
    child["exiting"] = 1 + (5 << 8)
    tell(base, 1, k)
    assert child["state"] == TASK_ZOMBIE and child["keepers"] == 2 and child["root"] < 0
    reap_task(base, SERVER, k)
    assert child["state"] == TASK_ZOMBIE and child["keepers"] == 1


def test_a_child_that_is_forked_while_its_job_is_killed_does_not_escape(parent):
    """The kill has looked at all tasks before the child is one of them."""
    assert kill_job(parent.base, SERVER, int(parent.record["job"]), 9, KILL_ASKED) == 1
    k = parent.fork()
    assert parent.machine["tasks"][k]["state"] == TASK_ALIVE and parent.machine["tasks"][k]["exiting"] == 0
    release_forked(parent.base, 0, k)
    assert parent.machine["tasks"][k]["exiting"] == 10


def test_lent_memory_comes_back_and_both_tlbs_are_shot_down(parent):
    machine, lender = parent.machine, parent.record
    root = int(lender["root"])
    k = parent.fork(VFORK)
    child = machine["tasks"][k]
    assert child["root"] == root and lender["root"] < 0, "one of them has the page tables"
    lender["cpus"] = to_words(2)  # CPU 1 remembers translations of the lender's
    before = int(machine["cpus"][1]["tlb_request"])
    return_memory(parent.base, 0, k)
    assert lender["root"] == root and child["root"] < 0
    assert machine["cpus"][1]["tlb_request"] == before + 1


def test_memory_whose_lender_is_gone_stays_with_the_borrower(parent):
    machine, lender = parent.machine, parent.record
    k = parent.fork(VFORK)
    return_memory(parent.base, SERVER, parent.task)  # the lender is killed and reaped
    free = int(machine["nr_free_frames"])
    return_memory(parent.base, 0, k)
    assert lender["root"] < 0 and machine["tasks"][k]["root"] < 0
    assert machine["nr_free_frames"] > free, "the borrower has freed it"


@pytest.mark.system("alux-4")
def test_a_thread_that_joins_a_task_which_was_just_killed_retains_it(window):
    """Its maker retains the task; without a reference of its own the thread's exit would take the maker's."""
    base, tasks = window.address, window.machine["tasks"]
    k = create_task(base, 0)
    before = int(tasks[k]["references"]) & 0xFFFFFF
    assert kill_task(base, 0, hot.task_handle(base, k), 9, KILL_ASKED) == 1
    assert create_thread(base, 0, k) >= 0
    assert int(tasks[k]["references"]) & 0xFFFFFF == before + 1
    tasks[k]["references"] = 0
