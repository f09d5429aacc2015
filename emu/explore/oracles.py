"""What counts as a failure: rules over what became of a schedule.

A rule is (kind, value): ("status", 3) expects that exit status instead of 0; ("output", pattern) expects the regular
expression somewhere in the output; ("forbid", pattern) that it is nowhere.
"""

import re

from .outcome import EXITED

STATUS, OUTPUT, FORBID = "status", "output", "forbid"


def broken_rule(rules, outcome):
    """What is wrong with an Outcome, in words; "" where nothing is."""
    expected = next((value for kind, value in rules if kind == STATUS), 0)
    if outcome.kind != EXITED:
        return outcome.words
    if outcome.value != expected:
        return f"exit status {outcome.value}" + (f", expected {expected}" if expected else "")
    for kind, value in rules:
        if kind == OUTPUT and not re.search(value.encode(), outcome.output):
            return f"its output has nothing that matches {value!r}"
        if kind == FORBID and re.search(value.encode(), outcome.output):
            return f"its output has what matches {value!r}"
    return ""
