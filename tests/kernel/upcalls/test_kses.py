"""A group has a KSE on each CPU: whichever of its threads a CPU picks, it runs; on played CPUs (kse-4, kse-12)."""

import pytest

from emu.actor.policies import BUILTIN
from emu.kernel.groups.records import KSE_INSIDE, KSE_MEMBER, KSE_OWNER
from emu.kernel.sched import hotplug, waking
from emu.kernel.sleep.inheritance import set_importance
from emu.kernel.thread.states import LIFE_CREATED
from emu.limits import SERVER
from tests.kernel import wrappers as hot
from tests.kernel.cpus import MS, played

G = 2


def start_in_group(cpus, kse, **options):
    i = cpus.new(**options)
    t, g = cpus.threads[i], cpus.machine["groups"][G]
    t["kse"], t["kse_group"] = KSE_MEMBER | kse, G + 1
    g["task"], g["nr_upcalls"] = 1, 1
    g["nr_threads"] += 1
    g["inside"] += bool(kse & KSE_INSIDE)
    waking.start(cpus.base, SERVER, i)
    return i


def kses(cpus):
    """{CPU: the thread of the group that runs there}."""
    running = {me: cpus.current(me) for me in range(cpus.nr)}
    return {me: i for me, i in running.items() if i >= 0 and cpus.threads[i]["kse_group"] == G + 1}


@pytest.mark.system("kse-4")
@pytest.mark.parametrize("policy", sorted(set(BUILTIN) - {"random"}))  # under which CPUs may stay idle
def test_threads_of_a_group_with_one_upcall_run_on_all_cpus_at_once_also_when_cpus_come_and_go(policy):
    with played(4, policy) as cpus:
        cpus.stop_clock()
        threads = [start_in_group(cpus, KSE_INSIDE if k else KSE_OWNER) for k in range(9)]
        cpus.step()
        found = kses(cpus)
        assert sorted(found) == [0, 1, 2, 3] and len(set(found.values())) == 4, "one upcall, four CPUs"
        found = {me: i for me, i in found.items() if i != threads[0]}  # without the owner, which has no mailbox here
        me, first = found.popitem()
        word = cpus.sleep(me, first)
        cpus.step()
        assert sorted(kses(cpus)) == [0, 1, 2, 3] and first not in kses(cpus).values()
        cpus.wake(me, first, word)
        assert hotplug.take_offline(cpus.base, SERVER, 3) == 1
        hot.evacuate(cpus.base, 3)
        while cpus.current(3) >= 0:
            hot.switch(cpus.base, 3, cpus.current(3))
        assert hot.retire(cpus.base, 3) == 1 and sorted(kses(cpus)) == [0, 1, 2]
        cpus.machine["queues"][3]["life"] = LIFE_CREATED  # as for a new process of that CPU
        hotplug.bring_online(cpus.base, SERVER, 3)
        cpus.run(300 * MS)  # by then CPU 3 has a thread to run
        assert sorted(kses(cpus)) == [0, 1, 2, 3]
        assert int(cpus.machine["groups"][G]["nr_upcalls"]) == 1 and len(threads) == 9
        cpus.check()


@pytest.mark.system("kse-12")
@pytest.mark.parametrize("nice,realtime", [(0, 50), (-20, 0)], ids=["real-time", "nice"])
@pytest.mark.parametrize("kse", [KSE_OWNER, KSE_INSIDE], ids=["owner", "inside"])
def test_a_kse_goes_to_the_waiting_thread_of_the_group_that_becomes_more_important(nice, realtime, kse):
    with played(1, "bsd4") as cpus:
        cpus.stop_clock()
        running, waiting, last = (start_in_group(cpus, KSE_OWNER if k == 0 else kse) for k in range(3))
        cpus.step()
        assert kses(cpus) == {0: running}
        cpus.step(5 * MS)
        set_importance(cpus.base, SERVER, last, nice, realtime)
        cpus.step()
        assert kses(cpus) == {0: last}
        set_importance(cpus.base, SERVER, last, 19, 0)
        cpus.step()
        assert kses(cpus) == {0: running} or kses(cpus) == {0: waiting}, "it moves on when its thread matters less"
        cpus.check()
