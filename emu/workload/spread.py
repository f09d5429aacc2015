"""The figures of several runs in a few numbers: the median, how far they lie apart, and how well the median is known.

The interval is a percentile bootstrap of the median (Efron, 1979): medians of RESAMPLES samples drawn from the runs
with replacement, and of these the middle 95 %.  With few runs it is often narrow by chance: it says nothing of
what the runs happened not to show.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """Of at least one figure."""

    count: int
    median: float
    least: float
    most: float
    low: float | None  # ends of the interval; None for a single run
    high: float | None

    @property
    def relative(self) -> float | None:
        """(most - least) / median; None for a single run, or a median of 0."""
        return (self.most - self.least) / self.median if self.count > 1 and self.median else None


def spread(values: Sequence[float], seed: int = 0) -> Spread | None:
    """The Spread of some figures, None of none."""
    if not values:
        return None
    low = high = None
    if len(values) > 1:
        drawn = np.random.default_rng(seed).choice(np.asarray(values, float), (RESAMPLES, len(values)))
        tail = (1 - CONFIDENCE) / 2
        low, high = (float(x) for x in np.quantile(np.median(drawn, axis=1), (tail, 1 - tail)))
    return Spread(len(values), statistics.median(values), min(values), max(values), low, high)
