"""random: before each event, every thread that could go on is as likely as the others.

The baseline of the field.  Suits: small programs, bugs that need switches anywhere.  Fails: the more events lie between
the two that matter, the less likely are the schedules in which one thread is far ahead.
"""

from ...hot import callback
from ..candidates import candidate, count
from ..chance import below
from ..layout import world_at

PARAMETERS = {}


def prepare(w, facts):
    pass


@callback(2)
def choose(world, current):
    w = world_at(world)
    return candidate(w, current, below(w, count(w, current)))
