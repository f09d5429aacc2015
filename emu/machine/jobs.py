"""Jobs: the programs that were spawned on a machine, as its user knows them.

A job's record in shared memory (layout JOB) holds its final status and accounts.  The supervisor takes them over
when the job has ended; the next spawn gives the record's handle back to the system server, and another job may have
the record.  So a machine can spawn without limit, and a Job that its user keeps still knows what became of it.

The machine itself remembers the accounts of the last HISTORY jobs that ended, and the sum of all earlier ones.
"""

import threading
from collections import deque
from typing import Any

from ..kernel.task import kill_reasons
from ..kernel.thread.handles import HANDLE
from .report import ACCOUNTS, JobReport, job_report

HISTORY = 1000


class Job:
    """A program running on a machine."""

    def __init__(self, machine: Any, handle: int, number: int, root: str = "") -> None:
        self._machine = machine
        self._handle = handle
        self.number = number  # counts the machine's jobs, from 0
        self.root = root  # its name, where its death is the machine's
        self.program: str | None = None  # its path
        self._status: int | None = None
        self._kill_reason = 0
        self._report: JobReport | None = None

    @property
    def wait_status(self) -> int | None:
        """As from wait(2), None while it runs."""
        if self._status is None:
            self._machine._collect()
        return self._status

    @property
    def done(self) -> bool:
        return self.wait_status is not None

    @property
    def exit_status(self) -> int | None:
        """The exit code, 128 + n for a fatal signal n, None while it runs."""
        status = self.wait_status
        if status is None:
            return None
        return 128 + (status & 0x7F) if status & 0x7F else status >> 8

    @property
    def kill_reason(self) -> str:
        """Why it ended, in words (alux-8): "exited", "unhandled fault", "unowned memory"…; "" while it runs."""
        return kill_reasons.NAMES[0 if self.wait_status is None else self._kill_reason]

    @property
    def report(self) -> JobReport | None:
        """Its accounts, a JobReport, when it has ended; None while it runs."""
        return None if self.wait_status is None else self._report


class Jobs:
    """The jobs of one machine. Any thread may ask: a lock keeps the window there meanwhile."""

    def __init__(self):
        self.lock = threading.Lock()
        self.dead_root = None  # a root program that was killed (rust-6)
        self._living = {}  # record -> Job
        self._given_up = []  # handles of records that were taken over and may be used again
        self._history = deque()
        self._earlier = [0] * (1 + len(ACCOUNTS))  # threads, then the accounts
        self._nr_earlier = 0

    def add(self, job):
        with self.lock:
            self._living[HANDLE.get(job._handle, "index")] = job

    def collect(self, machine):
        """Take over what became of the jobs that have ended."""
        with self.lock:
            if machine.window is None:  # it has just ended
                return
            m = machine.window.machine
            records = m["jobs"]
            done = (records["done"][: int(m["fresh_job"])] != 0).nonzero()[0].tolist()  # a copy: it changes meanwhile
            ended = [(self._living[k].number, k) for k in done if k in self._living]
            for _, index in sorted(ended):
                job = self._living.pop(index)
                job._report = report = job_report(m, index)
                job._kill_reason = int(records[index]["kill_reason"])
                job._status = status = int(records[index]["status"])
                self._given_up.append(job._handle)
                if job.root and status & 0x7F and self.dead_root is None:
                    self.dead_root = job
                self._remember(report)

    def _remember(self, report):
        self._history.append(report)
        if len(self._history) > HISTORY:
            old = self._history.popleft()
            self._nr_earlier += 1
            for n, name in enumerate(("threads", *ACCOUNTS)):
                self._earlier[n] += getattr(old, name)

    def program_of(self, index):
        """The path of the program whose job has this record now, None when it has ended."""
        job = self._living.get(index)
        return job.program if job else None

    def give_up(self):
        """The handles of records that nobody reads any more; each is returned once."""
        given_up, self._given_up = self._given_up, []
        return given_up

    def reports(self, m):
        """(JobReports of the last jobs that ended and of those that run, the sum of the earlier ones, their number)."""
        with self.lock:
            running = [job_report(m, index) for index in self._living]
        threads, *sums = self._earlier
        earlier = JobReport(job=-1, threads=threads, **dict(zip(ACCOUNTS, sums, strict=True)))
        return sorted([*self._history, *running], key=lambda report: report.job), earlier, self._nr_earlier
