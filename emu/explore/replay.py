"""Replay files: all that it takes to make one schedule happen again, as JSON.

The switches of the schedule, the shared words, the program's arguments, and what they were made with: the seed, the
strategy, digests of the program and of emu.  A schedule replayed with another program or another emu is refused, since
it would be another one.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass

from .. import __version__
from ..errors import MachineError
from ..machine.description import layout_digest
from .campaign import Plan

FORMAT = 1
SWITCH_WORDS = 5  # of each switch (outcome.py)
MAX_FILE_BYTES = 64 << 20


@dataclass(frozen=True)
class Replay:
    """A file's content. `switches` are those of the schedule, as in Outcome; `digest` is what it has to come to."""

    plan: Plan
    switches: tuple
    digest: int
    number: int
    wrong: str
    program_digest: str


class ReplayError(MachineError):
    """A file that cannot be replayed: one line."""


def digest_of(program):
    """Of a program's bytes. ReplayError."""
    try:
        with open(program, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()[:32]
    except OSError as error:
        raise ReplayError(f"{program}: cannot be read: {error.strerror}") from None


def write_replay(path, replay):
    """Write a Replay. ReplayError."""
    plan = asdict(replay.plan)
    plan.pop("facts")
    content = {
        "emu": __version__, "layout": layout_digest(), "format": FORMAT, "wrong": replay.wrong,
        "program_digest": replay.program_digest, "number": replay.number, "digest": replay.digest, "plan": plan,
        "switches": [list(switch) for switch in replay.switches],
    }  # fmt: skip
    try:
        with open(path, "w") as file:
            json.dump(content, file, indent=1)
            file.write("\n")
    except OSError as error:
        raise ReplayError(f"{path}: cannot be written: {error.strerror}") from None


def keep(path, world, plan, failure, simple):
    """Write the replay file of a Failure, made simple. ReplayError."""
    wrong, program = plan.wrong(simple), digest_of(world.image["path"])
    write_replay(path, Replay(plan, simple.switches, simple.digest, failure.number, wrong, program))


def read_replay(path):
    """The Replay of a file. ReplayError says what is wrong with it."""
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK | os.O_NOCTTY)) as file:
            content = json.loads(file.read(MAX_FILE_BYTES))
    except OSError as error:
        raise ReplayError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise ReplayError(f"{path}: no replay file: it is not JSON") from None
    try:
        made_with = content["emu"], content["layout"], content["format"]
        given = {name: _frozen(value) for name, value in content["plan"].items()}
        switches = _frozen(content["switches"])
        if not all(len(each) == SWITCH_WORDS and all(isinstance(word, int) for word in each) for each in switches):
            raise ValueError
        replay = Replay(
            Plan(**given), switches, int(content["digest"]), int(content["number"]),
            str(content["wrong"]), str(content["program_digest"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ReplayError(f"{path}: damaged, or no replay file") from None
    if made_with != (__version__, layout_digest(), FORMAT):
        raise ReplayError(f"{path}: made by emu {made_with[0]}, whose machines are laid out differently: explore again")
    if digest_of(replay.plan.program) != replay.program_digest:
        raise ReplayError(f"{path}: {replay.plan.program} is another program than when this was found: explore again")
    return replay


def _frozen(value):
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value
