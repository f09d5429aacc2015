"""Lessons: five bugs that are in every book on concurrency, each as a program that has it, and one that does not.

Their sources are emu/guests/teach_NAME.c.  `fixed` is their argument: a line that begins with `if (fixed)` is what
mends the bug, one with `if (!fixed)` what had it.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

GUESTS = Path(__file__).resolve().parents[1] / "guests"


@dataclass(frozen=True)
class Lesson:
    """`program` has the bug; `options` are Plan's; `check`: how all schedules of what is fixed are played."""

    program: str
    check: str = "exhaustive:all"
    options: dict = field(default_factory=dict)

    @property
    def source(self):
        return GUESTS / f"{self.program}.c"

    def about(self):
        """What its source says first."""
        comment = re.match(r"/\* \w+: (.*?) \*/", self.source.read_text(), re.DOTALL).group(1)
        return re.sub(r"\s*\n \*\s*", " ", comment)

    def remedy(self):
        """(line's number, "+" or "-", text) of what is there only in the fixed program, or only in the other."""
        found = []
        for number, line in enumerate(self.source.read_text().split("\n"), 1):
            if match := re.match(r"\s*if \((!?)fixed\) (.*)", line):
                found.append((number, "-" if match.group(1) else "+", match.group(2)))
        return found


LESSONS = {
    "lost-wakeup": Lesson("teach_lost_wakeup"),
    "priority-inversion": Lesson("teach_priority_inversion", options={"priorities": True}),
    "aba": Lesson("teach_aba"),
    "store-buffer": Lesson("teach_store_buffer", options={"memory": "tso"}),
    "dining": Lesson("teach_dining", check="exhaustive:k=3"),
}
