"""Making a failure simple: the fewest preemptions with which a schedule still ends in the same way.

The switches of the failing schedule are a plan (world/strategies/planned.py).  Preemptions are left out of it, first in
halves, then in ever smaller parts (Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input, TSE 2002),
as long as the schedule fails as before; each success makes what really happened the new plan.  That ends where no part
can be left out; so then all schedules with still fewer preemptions are searched (exhaustive.py), for a while.
"""

import itertools

from ..world.strategies import planned
from .exhaustive import Search
from .world import MODELS

MOST_RUNS = 3_000
MOST_SEARCHED = 2  # preemptions
FORCED = 4  # of a switch: (step, thread, events, to, forced)


class _Shrinking:
    def __init__(self, world, number, outcome, most_runs):
        self._world, self._number, self._most = world, number, most_runs
        self.outcome, self.plan, self.runs = outcome, outcome.switches, 0

    def _fails(self, plan):
        """Whether a plan leads to the same end; it is the new one then."""
        self.runs += 1
        found = self._world.run(self._number, planned, plan=plan)
        if not found.is_like(self.outcome) or found.preemptions > self.outcome.preemptions:
            return False
        self.outcome, self.plan = found, found.switches
        return True

    def _without(self, of_kind):
        """Leave out switches of a kind (is forced?), in ever smaller parts."""
        part = None
        while self.runs < self._most:
            chosen = [n for n, switch in enumerate(self.plan) if bool(switch[FORCED]) == of_kind]
            part = max(1, len(chosen) if part is None else min(part, len(chosen)))
            at, progress = 0, False
            while at < len(chosen) and self.runs < self._most:
                out = set(chosen[at : at + part])
                before = len(chosen)
                if self._fails([s for n, s in enumerate(self.plan) if n not in out]):
                    progress = True
                    chosen = [n for n, switch in enumerate(self.plan) if bool(switch[FORCED]) == of_kind]
                    at = min(at, max(0, at - (before - len(chosen) - part)))
                else:
                    at += part
            if part == 1 and not progress:
                return
            part = max(1, part // 2)

    def search(self):
        """Look among all schedules with fewer preemptions, as long as those are few."""
        for bound in range(1, min(self.outcome.preemptions, MOST_SEARCHED + 1)):
            for found in itertools.islice(Search(self._world, bound).schedules(), max(0, self._most - self.runs)):
                self.runs += 1
                if found.is_like(self.outcome):
                    self.outcome = found
                    return


def shrink(world, failure, most_runs=MOST_RUNS):
    """(the simplest Outcome that was found, how many schedules that took)."""
    work = _Shrinking(world, failure.number, failure.outcome, most_runs)
    if not work._fails(failure.outcome.switches):
        return failure.outcome, work.runs  # its switches were too many to be recorded
    work._without(False)
    if world.memory == MODELS[0]:
        work.search()
    return work.outcome, work.runs
