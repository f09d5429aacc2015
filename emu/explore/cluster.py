"""A campaign on a Dask cluster (the extra `dist`): its workers as an Executor for Campaign.spread.

    with workers("tcp://host:8786", plan) as (executor, count):
        Campaign(plan, 10_000).spread(executor, count)

Workers read the program for themselves, under the same name from the same directory, so that its memory is laid out as
here; one that finds another program there, or is another emu, refuses in one line.  Dask itself gives what a lost
worker was playing to another one, and waits for one where none is left.  Each worker keeps its world until the
campaign is over.
"""

import contextlib
import os
import re
from concurrent.futures import CancelledError
from dataclasses import dataclass

from ..errors import MachineError
from ..machine.description import layout_digest
from .campaign import PLAYING, give_up_world, play, world_of
from .replay import digest_of
from .world import ExploreError

CONNECT_S = 5


@dataclass(frozen=True)
class Origin:
    """Where a program was explored first, and digests of it and of emu."""

    directory: str
    program: str
    layout: str


class Workers:
    """What Campaign.spread needs of an Executor."""

    def __init__(self, client, origin):
        self._executor, self._origin = client.get_executor(pure=False), origin

    def submit(self, play_elsewhere, plan, first, count):
        """A Future of a Stretch, played by play_elsewhere's way on a worker."""
        return self._executor.submit(play_there, self._origin, plan, first, count)


def play_there(origin, plan, first, count):
    """`play` on a worker. ExploreError: it has another program, or another emu."""
    with PLAYING:
        return play(_same_world(origin, plan), plan, first, count)


def _same_world(origin, plan):
    here = os.uname().nodename
    if layout_digest() != origin.layout:
        raise ExploreError(f"--cluster: the workers of {here} have another version of emu")
    try:
        with contextlib.chdir(origin.directory):
            if digest_of(plan.program) != origin.program:
                raise ExploreError(f"--cluster: {plan.program} is another program on {here}")
            return world_of(plan)
    except FileNotFoundError:
        raise ExploreError(f"--cluster: {here} has no directory {origin.directory}") from None


@contextlib.contextmanager
def workers(address, plan):
    """(Executor, how many workers it has) of the Dask cluster at an address. MachineError: what fails, in one line."""
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise MachineError("--cluster needs dask.distributed: pip install 'emu[dist]'") from None
    if not re.fullmatch(r"(tcp|tls|ws|wss)://.+:\d+", address):
        raise MachineError(f"--cluster {address!r}: expected the address of a Dask scheduler, such as tcp://host:8786")
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise MachineError(f"--cluster {address}: no Dask scheduler answers within {CONNECT_S} s: {why}") from None
    with client:
        count = len(client.nthreads())
        if not count:
            raise MachineError(f"--cluster {address}: the scheduler has no workers: start some with `dask worker`")
        try:
            yield Workers(client, Origin(os.getcwd(), digest_of(plan.program), layout_digest())), count
            client.run(give_up_world)
        except KilledWorker as error:
            raise MachineError(f"--cluster {address}: {str(error).partition('.')[0]}") from None
        except CancelledError:
            raise MachineError(f"--cluster {address}: the scheduler has gone") from None
