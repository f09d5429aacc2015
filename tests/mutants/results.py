"""Verdicts, a line of JSON each, so that a run that was cut short goes on where it was.

A verdict counts for the sources that it was found with (their digest) and for the mutant as it then was; of others
the last is shown as old.
"""

import hashlib
import json

KILLED, SURVIVED, NO_VERDICT = "killed", "SURVIVED", "NO VERDICT"


def key_of(mutant):
    """What changes when the mutant does."""
    words = (mutant.id, mutant.file, mutant.old, mutant.new, mutant.tests)
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


class Results:
    """The verdicts in a file. `digest` is that of the present sources."""

    def __init__(self, path, digest):
        self._path, self._digest = path, digest
        self._lines = []
        if path.is_file():
            for line in path.read_text().splitlines():
                try:
                    self._lines.append(json.loads(line))
                except ValueError:
                    continue  # cut off when the run was killed

    def add(self, key, verdict, detail, seconds):
        """Note a verdict; the line that was noted."""
        line = {"key": key, "digest": self._digest, "verdict": verdict, "detail": detail, "seconds": round(seconds, 1)}
        self._lines.append(line)
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        return line

    def present(self, key):
        """The verdict for these sources, or None."""
        return self._last(lambda line: (line["key"], line["digest"]) == (key, self._digest))

    def latest(self, key):
        """The last verdict for any sources, or None."""
        return self._last(lambda line: line["key"] == key)

    def _last(self, wanted):
        return next((line for line in reversed(self._lines) if wanted(line)), None)
