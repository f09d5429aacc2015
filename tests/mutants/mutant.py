"""A mutant: one deliberate fault, and the tests that must notice it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class DoesNotApply(Exception):
    """The text that a mutant replaces is not, or not once, in its file."""


@dataclass(frozen=True)
class Mutant:
    """`old` stands exactly once in `file` (from the repository's root) and becomes `new`.

    tests     what pytest is given, words apart: as little as kills it
    survives  why no test can notice it, or none is worth it; such a mutant is not run
    """

    id: str
    file: str
    old: str
    new: str
    tests: str = ""
    survives: str = ""

    def mutated(self, text):
        """The file's text with the fault; DoesNotApply names what is wrong."""
        count = text.count(self.old)
        if count != 1:
            raise DoesNotApply(f"mutant {self.id}: its old text occurs {count} times in {self.file}: {self.old!r}")
        if self.new == self.old:
            raise DoesNotApply(f"mutant {self.id}: old and new are the same")
        return text.replace(self.old, self.new)


def named_tests(mutant):
    """(path, names of test functions in it) for each of a mutant's tests."""
    for word in mutant.tests.split():
        path, *names = word.split("::")
        yield path, [name.split("[")[0] for name in names]
