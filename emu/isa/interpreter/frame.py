"""What the interpreter keeps in memory while it runs a thread, because it is needed rarely.

The budget is given out in slices (heat.py): `budget` is what was given so far, `limit` all of it, so `budget` - `left`
instructions have retired.
"""

FRAME = ("machine", "cpu", "thread", "budget", "code", "limit")
