"""Strategies by name, with the values of their parameters: `pct:d=5`."""

from importlib import import_module

from ..errors import MachineError
from .exhaustive import NAME, bound_of

NAMES = {"random": "random_walk", "pct": "pct", "pos": "pos", "surw": "surw", "delay": "delay"}  # name -> file
PORTFOLIO = "portfolio"
IN_TURN = ("surw", "pos", "pct:d=3", "random", "delay:d=2", "pct:d=2")  # what the portfolio's schedules are made by


class Strategy:
    """`module`, of world/strategies; `text` is what it was made from."""

    def __init__(self, text):
        name, *given = text.split(":")
        if name not in NAMES:
            raise MachineError(f"strategy {name!r}: expected {', '.join((PORTFOLIO, *NAMES, NAME))}")
        self.text, self.module = text, import_module(f"emu.world.strategies.{NAMES[name]}")
        values = {key: entry[0] for key, entry in self.module.PARAMETERS.items()}
        for pair in given:
            key, _, value = pair.partition("=")
            if key not in values:
                raise MachineError(f"strategy {name!r} has no parameter {key!r}: it has {', '.join(values) or 'none'}")
            _, what, least, most = self.module.PARAMETERS[key]
            if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
                raise MachineError(f"{key}={value!r} of strategy {name!r} ({what}): expected {least} to {most}")
            values[key] = int(value)
        self._values = list(values.values())

    def prepare(self, facts):
        """What World.run calls before a schedule."""
        return lambda w: self.module.prepare(w, facts, *self._values)


def strategies(text):
    """The strategies that take turns: those of the portfolio, or one; none of a search for all schedules."""
    if bound_of(text) is not None:
        return []
    return [Strategy(each) for each in (IN_TURN if text == PORTFOLIO else (text,))]
