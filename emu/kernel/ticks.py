"""The machine's time since it was made, as ticks that add up to seconds, minutes, hours and days (cz-16).

MACHINE.uptime is the truth: one packed word, changed by one store, so nobody sees a minute that has begun beside the
second that it ended with, and a killed CPU leaves nothing half done.  CPUs that count at the same time take no turns:
one that is late may store an older time over a newer one.  That is harmless, because what was lost is due again, so
whoever counts next adds it, and because nobody reads the word without counting.

No timer drives it, since idle CPUs have none.  A CPU that executes guests counts the ticks that are due each time it
uses up an instruction budget, and who asks for the time counts what is due by then.  So many ticks may be due at once,
and each unit carries as often as it is full, not once.

A date is left to the caller, as in the original.
"""

from ..hot import entry, hot
from ..shm.atomics import load_relaxed, store_relaxed
from ..shm.bits import bits
from ..shm.clock import steady_ns
from ..shm.layout import machine_at

TICKS_PER_SECOND = 100
TICK_NS = 1_000_000_000 // TICKS_PER_SECOND
UPTIME = bits("ticks:8 seconds:8 minutes:8 hours:8 days:*")  # MACHINE.uptime
ticks_of, seconds_of, minutes_of, hours_of, days_of = UPTIME.getters()
_SECONDS, _MINUTES, _HOURS, _DAYS = (UPTIME.shift(name) for name in ("seconds", "minutes", "hours", "days"))


@hot
def total_ticks(word):
    """All ticks that an uptime word stands for."""
    hours = days_of(word) * 24 + hours_of(word)
    return ((hours * 60 + minutes_of(word)) * 60 + seconds_of(word)) * TICKS_PER_SECOND + ticks_of(word)


@hot
def add_ticks(word, count):
    """The uptime word `count` ticks later."""
    ticks = ticks_of(word) + count
    seconds = seconds_of(word) + ticks // TICKS_PER_SECOND
    minutes = minutes_of(word) + seconds // 60
    hours = hours_of(word) + minutes // 60
    days = days_of(word) + hours // 24
    packed = days << _DAYS | (hours % 24) << _HOURS | (minutes % 60) << _MINUTES | (seconds % 60) << _SECONDS
    return packed | ticks % TICKS_PER_SECOND


@hot
def count_ticks(m):
    """Count the ticks that are due by now; the uptime word. It is never less than what somebody got before."""
    due = (steady_ns(m) - m.made_ns) // TICK_NS
    word = load_relaxed(m, "uptime")
    late = due - total_ticks(word)
    if late > 0:
        word = add_ticks(word, late)
        store_relaxed(m, "uptime", word)
    return word


@entry(1)
def count(address):
    """Cold form of count_ticks."""
    return count_ticks(machine_at(address))
