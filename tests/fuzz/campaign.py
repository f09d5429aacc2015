"""Machines on which the guest of syscalls.c makes random system calls, several programs at a time.

    with Campaign(seed=7) as campaign:
        campaign.run(100_000)
    print(campaign.calls, campaign.share_of_successes())

A program may die by a signal: wild arguments may hit its own memory.  `CampaignFailed` is raised, with the seed that
replays it, when the machine fails, when a program is stuck or makes emu itself raise an exception, when a machine at
rest breaks an invariant (checks.py), or when anything is still allocated at its end.
"""

import re
import tempfile
from collections import Counter
from pathlib import Path

from emu import Machine, MachineError
from emu.guests import build
from emu.limits import MAX_CPUS
from emu.testing.checks import check_queues

SOURCE = Path(__file__).with_name("syscalls.c")
POLICIES = ("inko", "random", "eevdf", "bsd4", "codezero", "alux")
PROGRAMS, THREADS, CALLS = 5, 4, 6000  # on a machine at a time, of a program, of all its threads
LIMIT_S = 300
SILENT = 5  # a program that loses a handler to a wild call dies of the next signal; on so many machines in a row, never
LINE = re.compile(rb"^call (\d+) (\d+) (\d+)$|^(stuck .*)$", re.MULTILINE)


class CampaignFailed(Exception):
    """Something that no guest may bring about; names the seed."""


class Campaign:
    """Counts over all its machines: `attempts` and `successes` by number of the call, `ends` by exit status."""

    def __init__(self, seed, memory="64M"):
        self.seed, self.memory = seed, memory
        self.attempts, self.successes, self.ends = Counter(), Counter(), Counter()
        self.calls = self.machines = 0

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        self._program = Path(self._directory.name) / "syscalls.elf"
        build.compile_c(SOURCE, self._program)
        return self

    def __exit__(self, *exception):
        self._directory.cleanup()

    def run(self, calls, progress=None):
        """Machine after machine, until so many calls have returned."""
        end = self.calls + calls
        silent = 0  # machines in a row on which all programs died before they printed their counts
        while self.calls < end:
            before = self.calls
            self._run_machine(self.seed + self.machines * PROGRAMS)
            self.machines += 1
            silent = silent + 1 if self.calls == before else 0
            if silent == SILENT:
                raise CampaignFailed(f"programs print no counts any more (seed {self.seed}, machine {self.machines})")
            if progress:
                progress(self.calls - before)

    def _run_machine(self, seed):
        policy, cpus = POLICIES[self.machines % len(POLICIES)], 1 + self.machines % 3
        where = f"--seed {seed} --policy {policy} --cpus {cpus}"
        with tempfile.TemporaryFile() as output:
            streams = {"stdin": output.fileno(), "stdout": output.fileno(), "stderr": output.fileno()}
            try:
                with Machine(cpus, policy, seed=seed, memory=self.memory, quiet=True, **streams) as machine:
                    jobs = [machine.spawn(str(self._program), seed + k, CALLS, THREADS) for k in range(PROGRAMS)]
                    report = machine.run(limit_s=LIMIT_S)
                    self._check(machine, report)
            except (MachineError, AssertionError) as error:
                raise CampaignFailed(f"{error} ({where})") from error
            output.seek(0)
            stuck = self._count(output.read())
        self.ends.update(job.exit_status for job in jobs)
        if stuck:
            raise CampaignFailed(f"{stuck} ({where})")

    @staticmethod
    def _check(machine, report):
        record = machine.window.machine
        check_queues(record, machine.config.policy)
        assert not report.failure, report.failure
        assert not report.failed_calls, f"exceptions in served calls: {report.failed_calls}"
        leaks = {tag: what for tag, what in report.leaks.items() if tag != "guest page"}  # files stay
        assert not leaks, f"still allocated: {leaks}"
        held = [int(record["cpus"][k]["nr_held"]) for k in range(MAX_CPUS)]
        assert not any(held), f"locks held: {held}"

    def _count(self, text):
        """Add up what the programs printed; what one said about a stuck thread, or None."""
        stuck = None
        for number, attempts, successes, message in LINE.findall(text):
            if number:
                self.attempts[int(number)] += int(attempts)
                self.successes[int(number)] += int(successes)
                self.calls += int(attempts)
            elif message:
                stuck = message.decode()
        return stuck

    def share_of_successes(self):
        return sum(self.successes.values()) / max(sum(self.attempts.values()), 1)

    def never_succeeded(self, numbers):
        """Those of these numbers for which no call succeeded."""
        return sorted(n for n in numbers if not self.successes[n])
