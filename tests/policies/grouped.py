"""Threads in groups on played CPUs, for tests of policies that know groups."""

from emu.hot import entry
from emu.kernel.sched import waking
from emu.kernel.sched.regrouping import regroup
from emu.limits import SERVER
from emu.shm.layout import machine_at
from tests.policies.walk import Walk

G, OTHER = 3, 4


@entry(4)
def change_group(address, me, i, g):
    regroup(machine_at(address), me, i, g)
    return 0


def start_in(cpus, g, me=SERVER, **options):
    i = cpus.new(**options)
    cpus.threads[i]["kse_group"] = g + 1
    waking.start(cpus.base, me, i)
    return i


class GroupWalk(Walk):
    """Now and then the running thread joins a group, changes to another one, or leaves its."""

    def start(self, me):
        super().start(me)
        i = self.cpus.current(me)
        if i >= 0 and self.chance.randrange(3) > 0:
            change_group(self.cpus.base, me, i, self.chance.choice((-1, G, OTHER)))
