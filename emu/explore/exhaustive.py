"""exhaustive: every schedule with at most k preemptions, once each.

Musuvathi, Qadeer: Iterative Context Bounding for Systematic Testing of Multithreaded Programs (PLDI 2007).  A schedule
is its plan (world/strategies/planned.py): where it is other than what goes on by itself, in which the running thread
goes on as long as it can, and then the one that has waited longest.  From each schedule that was played follow those
that are like it up to one of its later decisions, and choose another thread there; so each schedule is reached by one
way only, from the schedule without any choice of its own.

A choice costs a preemption where the running thread could have gone on.  The search is complete as far as shared words
and calls are all that threads notice of each other (world/shared.py), for 64 threads at most, and for time that passes
only when nothing else can happen.
"""

from typing import NamedTuple

from ..errors import MachineError
from ..world.strategies import planned
from .world import MODELS

NAME, DEFAULT, MOST = "exhaustive", 2, 64
THREADS = 64


class _Node(NamedTuple):
    plan: tuple
    preemptions: int
    decided: int  # its first decisions are not changed any more


def bound_of(strategy):
    """The k of a strategy's text, None of another strategy. MachineError."""
    name, *given = strategy.split(":")
    if name != NAME:
        return None
    key, _, value = given[0].partition("=") if given else ("k", "", str(DEFAULT))
    if len(given) > 1 or key != "k" or not (value.isascii() and value.isdigit()) or int(value) > MOST:
        raise MachineError(f"strategy {strategy!r}: expected {NAME}:k=0 to {MOST}")
    return int(value)


def schedules(world, bound):
    """Play them all: yields the Outcome of each."""
    if world.memory != MODELS[0]:
        raise MachineError(f"strategy {NAME}: expected --memory {MODELS[0]}")
    left = [_Node((), 0, 0)]
    while left:
        node = left.pop()
        outcome = world.run(0, planned, plan=node.plan, logging=True)
        yield outcome
        log = world.log()
        for n in range(len(log) - 1, node.decided - 1, -1):
            decision = log[n]
            costs = 0 if decision["forced"] else 1
            if node.preemptions + costs > bound:
                continue
            before = tuple(outcome.switches[: int(decision["switches"])])
            step = (0, int(decision["thread"]), int(decision["events"]))
            for other in _others(decision):
                left.append(_Node((*before, (*step, other, int(decision["forced"]))), node.preemptions + costs, n + 1))


def _others(decision):
    """The threads that were not chosen, and could have been."""
    waiting, chosen = int(decision["waiting"]) & (1 << THREADS) - 1, int(decision["chosen"])
    return [k for k in range(THREADS) if waiting >> k & 1 and k != chosen]
