"""Policies are told of groups, and of running threads that join and leave one; what they read of both (kse-7)."""

import numpy as np
import pytest

from emu.hot import entry
from emu.kernel.groups.records import KSE_OWNER, join_group
from emu.kernel.sched import regrouping
from emu.limits import GROUP_POLICY_WORDS, SERVER
from emu.shm.layout import machine_at
from tests.kernel.cpus import MS, played

pytestmark = pytest.mark.system("kse-7")
EAGAIN = -11

# What the hooks see, in the words of a group: how often it began and ended, and time by who was charged for it.
POLICY = '''
"""told: keeps what it is told of groups."""
from emu.policy import add_to_group, append, group_of, hook, hot, pop, remove

BEGUN, ENDED, RAN, SEATS = range(4)
SEEN, TOLD = range(2)  # of a thread

@hot
def charge(m, t):
    if group_of(t) >= 0:
        add_to_group(m, group_of(t), RAN, t.runtime_ns - t.policy[SEEN])
    t.policy[SEEN] = t.runtime_ns

@hook
def add_group(m, group):
    add_to_group(m, group, BEGUN, 1)
    return 0

@hook
def remove_group(m, group):
    add_to_group(m, group, ENDED, 1)
    return 0

@hook
def regroup(m, queue, thread, group):
    charge(m, m.threads[thread])
    m.threads[thread].policy[TOLD] = m.queues[queue].lock * 1000 + group + 1
    return 0

@hook
def stopped(m, queue, thread, reason):
    charge(m, m.threads[thread])
    return 0
'''

LOCKED = """
@hook
def enqueue(m, queue, thread, reason):
    append(m, m.queues[queue], thread)
    return 0

@hook
def pick(m, queue):
    return pop(m, m.queues[queue])

@hook
def dequeue(m, queue, thread):
    remove(m, m.queues[queue], thread)
    return 0
"""

LOCK_FREE = """
from emu.policy import put_local, take_local
QUEUES = "lock-free"

@hook
def enqueue(m, queue, thread, reason):
    put_local(m, queue, thread)
    return 0

@hook
def pick(m, queue):
    return take_local(m, queue)
"""


@entry(3)
def make_group(address, me, task):
    return regrouping.begin_group(machine_at(address), me, task)


@entry(3)
def end_group(address, me, g):
    regrouping.end_group(machine_at(address), me, g)
    return 0


@entry(4)
def change_group(address, me, i, g):
    regrouping.regroup(machine_at(address), me, i, g)
    return 0


@entry(3)
def join(address, i, g):
    m = machine_at(address)
    join_group(m, m.threads[i], g, -1, KSE_OWNER)
    return 0


@entry(3)
def leave(address, me, i):
    regrouping.quit_group(machine_at(address), me, i)
    return 0


@pytest.fixture(params=[LOCKED, 'QUEUES = "global"' + LOCKED, LOCK_FREE], ids=["per-cpu", "global", "lock-free"])
def cpus(request, tmp_path):
    policy = tmp_path / "told.py"
    policy.write_text(POLICY + request.param)
    with played(2, str(policy)) as cpus:
        cpus.stop_clock()
        cpus.is_locked = request.param is not LOCK_FREE
        yield cpus


def words(cpus, g):
    return cpus.machine["groups"][g]["policy"].tolist()


def test_a_group_begins_and_ends_once_for_the_policy_and_its_words_are_0_when_it_begins(cpus):
    g = make_group(cpus.base, 0, 0)
    assert words(cpus, g) == [1, 0, 0, 0]
    cpus.machine["groups"][g]["policy"] = 77
    end_group(cpus.base, 0, g)
    assert words(cpus, g) == [77, 78, 77, 77]
    assert make_group(cpus.base, 1, 0) == g and words(cpus, g) == [1, 0, 0, 0]
    assert len(words(cpus, g)) == GROUP_POLICY_WORDS


def test_a_group_that_a_limit_refuses_is_none_for_the_policy(cpus):
    cpus.machine["max_groups_per_proc"] = 0
    assert make_group(cpus.base, 0, 0) == EAGAIN
    assert not np.any(cpus.machine["groups"]["policy"])


def test_a_running_thread_is_charged_up_to_the_moment_in_which_it_joins_or_leaves(cpus):
    g = make_group(cpus.base, 0, 0)
    i = cpus.start(0)
    assert cpus.pick(0) == i
    cpus.advance(3 * MS)
    change_group(cpus.base, 0, i, g)
    join(cpus.base, i, g)
    own, queue = cpus.threads[i]["policy"].tolist(), 1000 * cpus.is_locked
    assert own[1] == queue + g + 1, "it is told with the queue's lock held, of the group to come"
    assert words(cpus, g)[2] == 0 and own[0] == pytest.approx(3 * MS, abs=1000)
    cpus.advance(5 * MS)
    leave(cpus.base, 0, i)
    assert cpus.threads[i]["policy"][1] == queue and cpus.threads[i]["kse_group"] == 0
    assert words(cpus, g)[2] == pytest.approx(5 * MS, abs=1000)
    assert words(cpus, g)[:2] == [1, 1], "its last thread has left"
    cpus.advance(7 * MS)
    cpus.sleep(0, i)
    assert words(cpus, g)[2] < 6 * MS, "what came later is not the group's"
    cpus.check()


def test_threads_that_have_not_begun_or_sleep_change_groups_without_a_word(cpus):
    g, other = make_group(cpus.base, 0, 0), make_group(cpus.base, 0, 0)
    new = cpus.new()
    join(cpus.base, new, g)
    change_group(cpus.base, SERVER, new, other)
    assert cpus.threads[new]["kse_group"] == other + 1
    i = cpus.start(0)
    cpus.pick(0)
    word = cpus.sleep(0, i)
    join(cpus.base, i, g)
    leave(cpus.base, SERVER, i)  # as a program that takes another's place does
    assert cpus.threads[i]["kse_group"] == 0 and not np.any(cpus.threads["policy"][:, 1])
    cpus.wake(0, i, word)
    assert cpus.pick(0) == i
