"""Kills and signals at random moments, and signals at each step of start and end: what a seed stands for.

Each function makes one trial (trial.py) from a seed and returns a Result; `tools/kill_campaign.py` runs hundreds, the
suite a few.
"""

import contextlib
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from .steps import STEPS
from .trial import DRIVER, STATUS, Trial, check_kill, check_signal, children_of

VICTIMS = ("emu-cpu-0", "emu-cpu-1", "emu-server", "emu-timekeeper", "forkserver", "supervisor")
PROGRAMS = (("primes", 900_000_000), ("sleepers", 4, 60_000), ("locking", 4, 100_000_000, 20), ("spawn", 100_000_000))
SHORT = (("hello",), ("spawn", 200), ("naps", 4, 20))
LIFE_S = 2.5  # moments are drawn from this long, from exec on
VICTIMS_S = 1.0  # and for a kill from this long, from the moment on at which the victim is there
PYTHON_S = 0.05  # of a signal: until then Python itself starts, and dies as it does


@dataclass
class Result:
    what: str
    wrong: str  # "" when all is right
    seconds: float = 0.0  # from the signal to the end
    status: int | None = None


def _arguments(rng):
    program = rng.choice(PROGRAMS if rng.random() < 0.7 else SHORT)
    return ["run", "--cpus", rng.choice((2, 3)), *rng.choice(([], ["--quiet"])), *program]


def kill_once(seed):
    """SIGKILL of one process, at a random moment."""
    rng = random.Random(seed)
    arguments, moment_s, victim = _arguments(rng), rng.uniform(0, VICTIMS_S), rng.choice(VICTIMS)
    with Trial(arguments) as trial:
        what = f"seed {seed}: {victim} of {' '.join(map(str, arguments))}, {moment_s:.3f} s old"
        while (pid := find_victim(trial, victim)) is None and trial.process.poll() is None:
            time.sleep(0.002)
        time.sleep(moment_s if pid else 0)
        if pid is None or trial.process.poll() is not None:  # it has to end well by itself
            return Result(f"{what}: not there", trial.left(0))
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return Result(f"{what}: gone", "")
        wrong, seconds, status = check_kill(trial, victim)
        return Result(what, wrong, seconds, status)


def find_victim(trial, victim):
    """The victim's process, None when it is not there. A forkserver that dies before it has children is replaced."""
    if victim == "supervisor":
        return trial.process.pid if trial.process.poll() is None else None
    for forkserver in children_of(trial.process.pid):
        for child in children_of(forkserver):
            with contextlib.suppress(OSError):
                name = Path(f"/proc/{child}/comm").read_text().strip()
                if victim == "forkserver" and name.startswith("emu-"):
                    return forkserver
                if victim == name:
                    return child
    return None


def signal_once(seed):
    """SIGINT, SIGTERM or SIGHUP to the process or its group, once or twice, at a random moment."""
    rng = random.Random(seed)
    arguments, moment_s = _arguments(rng), rng.uniform(PYTHON_S, LIFE_S)
    number, group, gap_s = rng.choice(list(STATUS)), rng.random() < 0.5, rng.choice((None, 0.0, 0.001, 0.02))
    with Trial(arguments) as trial:
        where = "group" if group else "process"
        what = f"seed {seed}: {number.name} {'' if gap_s is None else 'twice '}to the {where} of " \
            f"{' '.join(map(str, arguments))} after {moment_s:.3f} s"  # fmt: skip
        time.sleep(moment_s)
        try:
            trial.send(number, group)
            if gap_s is not None:
                time.sleep(gap_s)
                trial.send(number, group)
        except ProcessLookupError:
            return Result(f"{what}: it had ended", "")
        wrong, seconds = check_signal(trial, number)
        status = trial.process.returncode
        if wrong.startswith("status 0,"):  # its status was settled before the signal came
            wrong = ""
        return Result(what, wrong, seconds, status)


def signal_at_step(step, how, directory):
    """A signal at one step of start or end (steps.py). `how` such as "TERM" or "group:INT,group:INT"."""
    reached = directory / "reached"
    reached.unlink(missing_ok=True)
    program = ["primes", 30_000_000] if step == "sleep" else ["hello"]  # which may end before anybody sleeps
    arguments = ["run", "--cpus", 2, "--trace", directory / "trace", *program]
    with Trial([step, how, "--", *arguments], DRIVER, {"EMU_TEST_STEP": str(reached)}) as trial:
        number = signal.Signals[f"SIG{how.split(',')[0].rpartition(':')[2]}"]
        wrong, seconds = check_signal(trial, number)
        if not reached.exists():
            wrong = f"the step is never reached: {trial.errors()[-300:]}"
        return Result(f"{how} at {step!r}", wrong, seconds, trial.process.returncode)


HOWS = tuple(f"{group}{name}" for name in ("INT", "TERM", "HUP") for group in ("", "group:"))


def all_steps(twice):
    """Every (step, how); with `twice` each signal comes twice."""
    for step in STEPS:
        for how in HOWS:
            yield step, f"{how},{how}" if twice else how
