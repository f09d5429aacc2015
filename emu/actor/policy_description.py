"""What a policy says of itself: the description that its file carries.

A policy's docstring begins with `name: what it is in one line` and has sentences
`Suits: … .` and `Fails: … .`; PARAMETERS, where a policy has some, is
{"granularity_ns": (100_000_000, "longest run without a reschedule"), …}.
"""

import inspect
import re
from dataclasses import dataclass

from ..hot import Callback
from ..kernel.sched.hooks import NAMES
from .policies import load_policy


@dataclass(frozen=True)
class PolicyDescription:
    name: str
    line: str  # what it is
    suits: str
    fails: str
    text: str  # the whole docstring
    parameters: dict  # name -> (value, meaning)
    hooks: tuple  # names of those it has, in the order of kernel/sched/hooks.py
    file: str


def describe_policy(name):
    """The description of a built-in policy or of a file; PolicyError when it is none."""
    module = load_policy(name)
    text = inspect.getdoc(module) or ""
    head, colon, line = text.partition("\n")[0].partition(": ")
    return PolicyDescription(
        name=name,
        line=(line if colon else head).rstrip("."),
        suits=_sentence("Suits", text),
        fails=_sentence("Fails", text),
        text=text,
        parameters={key: _described(*entry) for key, entry in getattr(module, "PARAMETERS", {}).items()},
        hooks=tuple(hook for hook in NAMES if isinstance(getattr(module, hook, None), Callback)),
        file=inspect.getsourcefile(module) or "",
    )


def _described(default, meaning, choices=()):
    """(value, meaning) of a parameter, its named values in the meaning."""
    return default, f"{meaning}: {', '.join(f'{k} {name}' for k, name in enumerate(choices))}" if choices else meaning


def _sentence(label, text):
    """What follows `Label:` up to a full stop, as one line; "" when there is none."""
    found = re.search(rf"\b{label}:\s*(.*?)\.?(?:(?<=\.)\s|\n\s*\n|\Z)", text, re.DOTALL)
    return " ".join(found[1].split()) if found else ""
