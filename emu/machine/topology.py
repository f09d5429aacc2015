"""Topology is data: packages × cores × SMT siblings, "2x4x2".

CPU k is a hardware thread of core k % cores, so the list of CPUs is ordered by priority:
each core's first thread comes before any core's second, and siblings are used last
(alux-1: HardwareThreadList).
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Topology:
    packages: int
    cores_per_package: int
    siblings: int

    @property
    def cores(self):
        return self.packages * self.cores_per_package

    @property
    def cpus(self):
        return self.cores * self.siblings

    def __str__(self):
        return f"{self.packages}x{self.cores_per_package}x{self.siblings}"


def parse_topology(text):
    """A Topology of "packages x cores x siblings"; ValueError says what was expected."""
    match = re.fullmatch(r"([1-9]\d?)x([1-9]\d?)x([1-9]\d?)", str(text))
    if not match:
        raise ValueError(f"topology {text!r}: expected PACKAGESxCORESxSIBLINGS, for example 2x2x2")
    return Topology(*map(int, match.groups()))
