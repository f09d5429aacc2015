"""Exploring: a program's schedules, one after the other, each from its number; failures replayed, made simple and told.

campaign.py   many schedules: `explore`, which is all that most users need
world.py      one process that plays a whole machine, again and again from one snapshot
profiles.py   what is found out about a program beforehand: its shared words, and who uses them how often
strategies.py the strategies of emu/world/strategies by name; exhaustive.py: all schedules within a bound
shrink.py     the fewest preemptions; telling.py and story.py: step by step, in words; replay.py: in a file
"""

from .campaign import Failure, Found, explore
from .outcome import Outcome

__all__ = ["Failure", "Found", "Outcome", "explore"]
