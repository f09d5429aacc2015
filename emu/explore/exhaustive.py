"""exhaustive: every schedule with at most k preemptions, once each; or, as `exhaustive:all`, every one there is.

Musuvathi, Qadeer: Iterative Context Bounding for Systematic Testing of Multithreaded Programs (PLDI 2007).  A schedule
is its plan (world/strategies/planned.py): where it is other than what goes on by itself, in which the running thread
goes on as long as it can, and then the one that has waited longest.  From each schedule that was played follow those
that are like it up to one of its later decisions, and choose another thread there; so each schedule is reached by one
way only, from the schedule without any choice of its own.

A choice costs a preemption where the running thread could have gone on, and where time passes although a thread could
run.  Under TSO it is also a choice, which costs nothing, that the oldest store of a thread's buffer reaches memory.

Without a bound, of schedules that differ only in the order of events that do not depend on each other one is enough:
Godefroid, Partial-Order Methods for the Verification of Concurrent Systems (LNCS 1032, 1996), chapter 5, sleep sets.
When all that can happen next after one choice has been played, the choice sleeps in those that are made instead of it,
until something happens on which it depends.  Two events depend on each other when they are of one thread, or on one
word and not both loads; time and calls depend on everything.  A schedule in which a sleeping choice is made is one that
has been played in another order, so nothing follows from it.

The search is complete as far as shared words and calls are all that threads notice of each other (world/shared.py), for
64 threads at most, and where no thread spins: for how long it does is not varied.
"""

from typing import NamedTuple

from ..errors import MachineError
from ..world.layout import CALL, CLOCK, DRAINS, GIVES_UP, MAX_LOGGED, NOTHING, PSEUDO, WRITE
from ..world.strategies import planned, sleeping
from ..world.strategies.sleeping import MOST_ASLEEP
from ..world.weak_records import DEPTH
from .outcome import CUT_SHORT

NAME, DEFAULT, MOST, ALL = "exhaustive", 2, 64, 1 << 30
THREADS = 64
SEARCHED = ("sc", "tso")


class _Node(NamedTuple):
    plan: tuple
    preemptions: int
    decided: int  # its first decisions are not changed any more
    asleep: dict  # {who: _Event} after those

    def put_to_sleep(self, w):
        """Tell strategies/sleeping.py who sleeps."""
        who = [*self.asleep][:MOST_ASLEEP]
        w["state"][: len(who) + 1] = [len(who), *who]


class _Decision(NamedTuple):
    """What is read of an entry of the log (LOGGED)."""

    thread: int
    chosen: int
    forced: int
    kind: int
    at: int
    word: int
    waiting: int
    events: int
    switches: int
    nr_pseudo: int
    pseudo: list
    pseudo_at: list


def bound_of(strategy):
    """The k of a strategy's text, ALL for all schedules, None of another strategy. MachineError."""
    name, *given = strategy.split(":")
    if name != NAME:
        return None
    if given == ["all"]:
        return ALL
    key, _, value = given[0].partition("=") if given else ("k", "", str(DEFAULT))
    if len(given) > 1 or key != "k" or not (value.isascii() and value.isdigit()) or int(value) > MOST:
        raise MachineError(f"strategy {strategy!r}: expected {NAME}:k=0 to {MOST}, or {NAME}:all")
    return int(value)


class _Event(NamedTuple):
    """What happens when `who` (a thread, the clock, a store that waits) is chosen: of which kind, on which word."""

    who: int
    kind: int
    at: int

    def depends_on(self, other):
        if self.owner == other.owner:
            return True
        if NOTHING in (self.kind, other.kind):
            return False
        return CALL in (self.kind, other.kind) or (self.at == other.at and WRITE in (self.kind, other.kind))

    @property
    def owner(self):
        return (self.who - DRAINS) // DEPTH if self.who >= DRAINS else self.who


def _event_of(decision):
    """What the thread is about to do; a call that uses one word only is taken for a store to it."""
    if decision.kind == CALL and decision.word:
        return _Event(decision.thread, WRITE, decision.word)
    return _Event(decision.thread, decision.kind, decision.at)


class Search:
    """All schedules of a World with at most `bound` preemptions; ALL: all there are.

    When it has ended, `is_whole` says that there are no others, of more preemptions.
    """

    def __init__(self, world, bound):
        if world.memory not in SEARCHED:
            raise MachineError(f"strategy {NAME}: expected --memory {' or '.join(SEARCHED)}")
        self._world, self._bound, self.is_whole = world, bound, True
        self._strategy = sleeping if bound == ALL else planned

    def schedules(self):
        """Play them: yields the Outcome of each."""
        left = [_Node((), 0, 0, {})]
        while left:
            node = left.pop()
            outcome = self._world.run(0, self._strategy, plan=node.plan, logging=True, prepare=node.put_to_sleep)
            if outcome.kind != CUT_SHORT:
                yield outcome
            log = self._world.log()
            if len(log) == MAX_LOGGED or self._world.record["has_spun"]:
                self.is_whole = False
            left += reversed([*self._others(node, outcome.switches, log)])

    def _others(self, node, switches, log):
        """What follows from a node's schedule: its decisions from the first that is not decided, made in other ways."""
        pending, asleep = {}, node.asleep
        for n, decision in enumerate(map(_Decision._make, log[[*_Decision._fields]].tolist())):
            chosen = decision.chosen
            pending[decision.thread] = _event_of(decision)
            if n >= node.decided:
                could = self._could(decision, pending)
                played = dict(asleep)
                if chosen in could:
                    played[chosen] = could[chosen]
                before = switches[: decision.switches]
                for other in could:
                    if other == chosen or other in asleep:
                        continue
                    costs = 0 if decision.forced or other >= DRAINS else 1
                    if node.preemptions + costs > self._bound:
                        self.is_whole = False
                        continue
                    step = (0, decision.thread, decision.events, other, decision.forced)
                    still = self._still_asleep(played, could[other])
                    yield _Node((*before, step), node.preemptions + costs, n + 1, still)
                    played[other] = could[other]
                if chosen in asleep or chosen == GIVES_UP:
                    return
                asleep = self._still_asleep(asleep, could[chosen])
            pending.pop(chosen, None)

    def _still_asleep(self, asleep, event):
        if self._bound != ALL:
            return {}
        return {who: other for who, other in asleep.items() if not other.depends_on(event)}

    def _could(self, decision, pending):
        """{who: _Event} of all that could be chosen at a decision."""
        threads = {k for k in range(THREADS) if decision.waiting >> k & 1}
        if 0 <= decision.chosen < PSEUDO:
            threads.add(decision.chosen)
        if not decision.forced:
            threads.add(decision.thread)
        could = {k: pending.get(k, _Event(k, NOTHING, 0)) for k in sorted(threads)}
        number = decision.nr_pseudo
        self.is_whole &= number <= len(decision.pseudo)
        for who, at in zip(decision.pseudo[:number], decision.pseudo_at[:number], strict=True):
            could[who] = _Event(who, CALL if who == CLOCK else WRITE, at)
        return could
