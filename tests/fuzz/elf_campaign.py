"""Mutated program images given to the loader, to the placing of programs, and to whole machines.

    campaign = ElfCampaign(seed=7)
    campaign.load(2000)         # loader and placing, in this process, on a machine without processes
    campaign.run(100)           # those that the loader takes, as programs of real machines

AssertionError and MachineError name the seed of the mutant, or of the machine's first, that replays it.
"""

import contextlib
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from emu import Machine, MachineError
from emu.kernel.task import records as tasks
from emu.kernel.task.reaping import reap_task
from emu.limits import MIB, SERVER
from emu.machine.loader import GUEST_DIRECTORY
from emu.server.exec import PlacingError, place_program
from emu.testing.bare import bare_window
from emu.testing.checks import check_frames
from tests.fuzz.elf_mutants import check_answer, mutant

SMALLEST = 8  # guests: a mutation then hits what matters
BATCH = 20  # programs of a machine at a time
LIMIT_S = 1.0  # a batch that goes on for longer is killed
MACHINE_LIMIT_S = 120
ON_A_MACHINE = 200  # mutants that are placed; it has no supervisor that forgets jobs


def own_guests():
    """The bytes of the smallest guests that come with emu."""
    return [path.read_bytes() for path in sorted(GUEST_DIRECTORY.glob("*.elf"), key=os.path.getsize)[:SMALLEST]]


class ElfCampaign:
    """Counts: `refused` and `placed` by the loader and placing.py, `full` (no memory), `ends` of programs that ran."""

    def __init__(self, seed, originals=None):
        self.seed, self.originals = seed, originals or own_guests()
        self.refused = self.placed = self.full = self.ran = self.killed = 0

    def load(self, count, progress=None):
        """Have so many mutants loaded and, where the loader takes them, placed and reaped again."""
        end = self.seed + count
        for first in range(self.seed, end, ON_A_MACHINE):
            with bare_window(memory_bytes=4 * MIB) as window:
                for seed in range(first, min(end, first + ON_A_MACHINE)):
                    try:
                        self._load(window, mutant(seed, self.originals))
                    except Exception as error:
                        raise AssertionError(f"mutant {seed}: {type(error).__name__}: {error}") from error
                    if progress:
                        progress(1)
                check_frames(window)

    def _load(self, window, data):
        image = check_answer(data)
        if image is None:
            self.refused += 1
            return
        free = int(window.machine["nr_free_frames"])
        task = tasks.create_task(window.address, SERVER)
        assert task >= 0, "a task was not given back"
        try:
            pc, sp, *_ = place_program(window, SERVER, task, image, [b"mutant", b"1"], [b"A=b"], bytes(16))
            assert pc == image["entry"] and sp % 16 == 0
            self.placed += 1
        except PlacingError:
            self.full += 1
        finally:
            reap_task(window.address, SERVER, task)
        assert int(window.machine["nr_free_frames"]) == free, "frames were not given back"

    def run(self, count, progress=None):
        """Run so many mutants that the loader takes, as programs of machines, and count what machines leak."""
        seed, end = self.seed, self.ran + count
        while self.ran < end:
            first = seed
            chosen = []
            while len(chosen) < BATCH and self.ran + len(chosen) < end:
                if check_answer(mutant(seed, self.originals)):
                    chosen.append(seed)
                seed += 1
            try:
                self._run_machine(chosen)
            except (MachineError, AssertionError) as error:
                raise AssertionError(f"machine of the {len(chosen)} mutants from seed {first} on: {error}") from error
            if progress:
                progress(len(chosen))

    def _run_machine(self, seeds):
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            output = stack.enter_context(tempfile.TemporaryFile())
            nowhere = stack.enter_context(open(os.devnull, "rb"))
            streams = {"stdin": nowhere.fileno(), "stdout": output.fileno(), "stderr": output.fileno()}
            machine = stack.enter_context(Machine(2, seed=seeds[0], memory="32M", quiet=True, **streams))
            jobs = []
            for seed in seeds:
                program = folder / f"{seed}.elf"
                program.write_bytes(mutant(seed, self.originals))
                with contextlib.suppress(MachineError):  # no memory for it
                    jobs.append(machine.spawn(program, 1, 1))
                self.ran += 1
            deadline = time.monotonic() + LIMIT_S
            machine._wait_until(lambda: all(job.done for job in jobs), deadline)
            for job in jobs:
                if not job.done:
                    machine.kill(job)
                    self.killed += 1
            report = machine.run(limit_s=MACHINE_LIMIT_S)
            assert all(job.done for job in jobs), "a mutant outlives its machine"
            leaks = {tag: what for tag, what in report.leaks.items() if tag != "guest page"}  # files stay
            assert not leaks, f"still allocated: {leaks}"
            assert not np.any(machine.window.machine["cpus"]["nr_held"]), "locks are held"
