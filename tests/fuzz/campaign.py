"""Machines on which a guest makes random system calls, several programs at a time.

    with Campaign(seed=7) as campaign:
        campaign.run(100_000)
    print(campaign.calls, campaign.share_of_successes())

The guest is that of syscalls.c, or with `native=True` that of natives.c.  Machines of the latter lose and get CPUs
meanwhile, have one for blocking operations, or have a program killed: each in some of them, as their seeds say.

A program may die by a signal: wild arguments may hit its own memory.  `CampaignFailed` is raised, with the seed that
replays it, when the machine fails, when a program is stuck or makes emu itself raise an exception, when a machine at
rest breaks an invariant (checks.py), or when anything is still allocated at its end.
"""

import os
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from emu import Machine, MachineError
from emu.guests import build
from emu.limits import MAX_CPUS
from emu.shm.cpumask import to_int
from emu.testing.checks import check_machine, check_queues

HERE = Path(__file__).parent
POLICIES = ("inko", "random", "eevdf", "bsd4", "codezero", "alux")
PROGRAMS, THREADS, CALLS = 5, 4, 5000  # on a machine at a time, of a program, of all its threads
NATIVE_PROGRAMS, NATIVE_CALLS = 3, 40_000
MOST_CPUS = 5  # that are plugged in
LIMIT_S = 300
LATE = re.compile(rb"^late (\d+)$", re.MULTILINE)
LATE_S = 30  # so long may a guest's sleep of 1 ms take, and many times what the host's processes were held up meanwhile
TEXT_BYTES = 1 << 24
LEAVES_S = 30  # a CPU that was removed and has no thread any more
LOOK_S = 0.02  # between two looks at the programs, and between what is done to them
SILENT = 5  # a program that loses a handler to a wild call dies of the next signal; on so many machines in a row, never
LINE = re.compile(rb"^call (\S+) (\d+) (\d+)$|^(stuck.*)$", re.MULTILINE)


class CampaignFailed(Exception):
    """Something that no guest may bring about; names the seed."""


class Campaign:
    """Counts over all its machines: `attempts` and `successes` by number of the call (native: by row of the grammar),
    `ends` by exit status.  `calls`: native ones do not count Linux's."""

    def __init__(self, seed, memory="64M", native=False, native_calls=NATIVE_CALLS):
        self.seed, self.memory, self.native, self.native_calls = seed, memory, native, native_calls
        self.attempts, self.successes, self.ends = Counter(), Counter(), Counter()
        self.calls = self.machines = 0

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        source = HERE / ("natives.c" if self.native else "syscalls.c")
        self._program = Path(self._directory.name) / source.with_suffix(".elf").name
        build.compile_c(source, self._program)
        return self

    def __exit__(self, *exception):
        self._directory.cleanup()

    def run(self, calls, progress=None):
        """Machine after machine, until so many calls have returned."""
        end = self.calls + calls
        silent = 0  # machines in a row on which all programs died before they printed their counts
        while self.calls < end:
            before = self.calls
            seed = self.seed + self.machines * PROGRAMS
            if self.native:
                self._run_native(seed)
            else:
                self._run_machine(seed)
            self.machines += 1
            silent = silent + 1 if self.calls == before else 0
            if silent == SILENT:
                raise CampaignFailed(f"programs print no counts any more (seed {self.seed}, machine {self.machines})")
            if progress:
                progress(self.calls - before)

    def _run_machine(self, seed):
        policy, cpus = POLICIES[self.machines % len(POLICIES)], 1 + self.machines % 3
        programs = [(seed + k, CALLS, THREADS) for k in range(PROGRAMS)]
        self._run_programs(programs, f"--seed {seed} --policy {policy} --cpus {cpus}", None, seed, cpus, policy, 0)

    def _run_native(self, seed):
        chance = Random(seed)
        cpus, policy = chance.randint(1, 4), chance.choice(POLICIES)
        blocking = chance.randint(0, min(cpus - 1, 1))
        programs = [(seed + k, self.native_calls) for k in range(NATIVE_PROGRAMS)]
        self._run_programs(programs, f"--native --seed {seed}", chance, seed, cpus, policy, blocking)

    def _run_programs(self, programs, where, chance, seed, cpus, policy, blocking):
        """One machine; with `chance` it is disturbed."""
        with tempfile.TemporaryFile() as output:
            streams = {"stdin": output.fileno(), "stdout": output.fileno(), "stderr": output.fileno()}
            options = {"seed": seed, "memory": self.memory, "quiet": True, "blocking_cpus": blocking}
            try:
                with Machine(cpus, policy, **options, **streams) as machine:
                    jobs = [machine.spawn(str(self._program), *words) for words in programs]
                    if chance:
                        self._disturb(machine, jobs, chance, output)
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
    def _disturb(machine, jobs, chance, output):
        """Until the programs have ended: CPUs come and leave, a program is killed; in some of the machines."""
        text = b""
        plugs, kills = chance.random() < 0.4, chance.random() < 0.2
        end, host_late_s = time.monotonic() + LIMIT_S, 0
        while not all(job.done for job in jobs):
            before = time.monotonic()
            time.sleep(LOOK_S)
            host_late_s += max(time.monotonic() - before - 2 * LOOK_S, 0)
            if plugs and chance.random() < 0.1:
                _plug(machine, chance)
            if kills and chance.random() < 0.01:
                machine.kill(chance.choice(jobs))
            text = os.pread(output.fileno(), TEXT_BYTES, 0)  # not `seek`: the guests write where it is
            if b"stuck" in text or time.monotonic() > end:
                what = text[text.find(b"stuck") :].decode(errors="replace") if b"stuck" in text else "it does not end"
                raise AssertionError("\n".join([what, *machine.waits()]))
        late_s = max((int(ms) / 1000 for ms in LATE.findall(text)), default=0)
        assert late_s < LATE_S + 10 * host_late_s, f"nobody ran for {late_s} s, the host's process did ({host_late_s})"
        end = time.monotonic() + LEAVES_S
        while _cpus(machine, "active") != _cpus(machine, "online"):  # before the machine closes: all are told then
            time.sleep(LOOK_S)
            assert time.monotonic() < end, f"CPUs {_cpus(machine, 'active')} do not leave"

    def _check(self, machine, report):
        record = machine.window.machine
        if self.native:
            check_machine(machine.window, machine.config.policy)
        else:  # whose files have frames that only the server knows
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
        for name, attempts, successes, message in LINE.findall(text):
            if name:
                key = int(name) if name.isdigit() else name.decode()
                self.attempts[key] += int(attempts)
                self.successes[key] += int(successes)
                self.calls += 0 if name.startswith(b"linux/") else int(attempts)
            elif message:
                stuck = message.decode()
        return stuck

    def share_of_successes(self):
        return sum(self.successes.values()) / max(sum(self.attempts.values()), 1)

    def never_succeeded(self, numbers):
        """Those of these numbers for which no call succeeded."""
        return sorted(n for n in numbers if not self.successes[n])


def _cpus(machine, mask):
    bits = to_int(machine.window.machine[mask])
    return [cpu for cpu in range(MAX_CPUS) if bits >> cpu & 1]


def _plug(machine, chance):
    """A CPU comes, or leaves unless it is the last of its pool."""
    known = _cpus(machine, "online")
    if len(known) < MOST_CPUS and chance.random() < 0.5:
        machine.add_cpu()
        return
    try:
        machine.remove_cpu(chance.choice(known), wait=False)
    except MachineError as error:
        if "cannot be removed" not in str(error):
            raise
