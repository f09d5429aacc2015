"""What is found out about a program before its schedules are explored: its shared words, and how often who uses them.

A profile is a schedule of a random walk with a number of its own, so it depends on the seed only, and not on how many
processes explore.  The first ones look at every access, and find the shared words (world/shared.py); the others are
ordinary schedules whose events are logged, and counted.
"""

import random
from dataclasses import dataclass, field

import numpy as np

from ..world.layout import EXPLORE, NOTHING
from ..world.strategies import random_walk
from .decoded import keep_decoded
from .libraries import leave_out_libraries

LOOKING, COUNTING = 6, 4  # schedules of either kind
SALT = 1 << 40  # the first one's number


@dataclass(frozen=True)
class Uses:
    """The events on one word: its address (or a call's number), and of each thread those of it and its descendants."""

    at: int
    subtrees: list


@dataclass
class Facts:
    """`events`: how many a schedule has; `uses`: of each word that several threads use."""

    events: int = 1
    uses: list = field(default_factory=list)

    def draw_word(self, w):
        """The Uses of a word, by the chance of the schedule that begins."""
        if not self.uses:
            return Uses(-1, [])
        return random.Random(int(w["random"])).choice(self.uses)


def profile(world, libraries=False):
    """Find the shared words of a World; the Facts. `libraries`: also those that only libraries use."""
    for n in range(LOOKING):
        world.look(SALT + n, random_walk)
    world.share_found()
    if not libraries:
        leave_out_libraries(world)
    lengths, logs, parents = [], [], []
    for n in range(COUNTING):
        lengths.append(world.run(SALT + LOOKING + n, random_walk, EXPLORE, logging=True).steps)
        logs.append(world.log())
        parents = max(parents, world.parents(), key=len)  # one that fails early has fewer threads
        keep_decoded(world.window)
    return Facts(max(1, round(sum(lengths) / len(lengths))), _uses(logs, parents))


def _uses(logs, parents):
    counts = {}  # word -> events of each thread, over all logs
    for log in logs:
        done = log[log["kind"] != NOTHING]
        pairs, numbers = np.unique(np.stack([done["at"], done["thread"]]), axis=1, return_counts=True)
        for (at, thread), number in zip(pairs.T.tolist(), numbers.tolist(), strict=True):
            of_word = counts.setdefault(at, [0] * len(parents))
            of_word[thread] += number
    found = []
    for at, of_word in sorted(counts.items()):
        if sum(n > 0 for n in of_word) > 1:
            totals = [round(n / len(logs)) for n in of_word]
            for thread in reversed(range(len(parents))):  # children come after their parents
                if parents[thread] >= 0:
                    totals[parents[thread]] += totals[thread]
            found.append(Uses(at, totals))
    return found
