"""What the graders share: complaints in sentences, and building and running an answer in C."""

import os
import tempfile
from pathlib import Path

from emu import Machine, MachineError
from emu.guests import build


def require(condition, complaint):
    if not condition:
        raise AssertionError(complaint)


class _GradingMachine(Machine):
    def on_deadlock(self):
        raise MachineError("every thread sleeps, and none is left to wake another")


def run_c(answer, frame, policy, cpus, before=None, trace=None):
    """What a program of the C files `before` (or none), the answer and the lab's frame, in this order, prints.

    AssertionError, with the reason, when it went wrong.
    """
    output = os.memfd_create("answer")
    try:
        with tempfile.TemporaryDirectory() as folder:
            source, elf = Path(folder) / "answer.c", Path(folder) / "answer.elf"
            source.write_text("".join(f'#include "{part}"\n' for part in (before, answer, frame) if part))
            build.compile_c(source, elf, f"-I{build.GUESTS}", "-Wno-unused-function")
            with _GradingMachine(cpus, policy, seed=1, stdout=output, quiet=True, trace=trace) as machine:
                job = machine.spawn(str(elf))
                try:
                    machine.run(60)
                except MachineError as error:
                    raise AssertionError(f"the program did not get to its end: {error}") from None
        require(job.exit_status == 0, f"the program ended with status {job.exit_status}")
        return os.pread(output, os.fstat(output).st_size, 0).decode()
    finally:
        os.close(output)
