"""The C programs of tests/programs: built once a session, run on machines, their output kept."""

import os
import tempfile
from pathlib import Path

from emu import Machine

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "tests" / "programs"
ET_DYN = 3  # in an ELF header: a program that may be loaded anywhere
NAMES = sorted(path.stem for path in SOURCES.glob("*.c"))


class Output:
    """A temporary file that guests write to."""

    def __enter__(self):
        self._file = tempfile.TemporaryFile()
        return self

    def __exit__(self, *exception):
        self._file.close()

    @property
    def descriptor(self):
        return self._file.fileno()

    def text(self):
        return os.pread(self.descriptor, 1 << 24, 0).decode(errors="replace")


def run_programs(programs, cpus, policy, file_server=None, **options):
    """Run (path, *arguments) tuples one after another; [(exit status, output)] and the last report."""
    results, report = [], None
    options.setdefault("max_threads", 1024)
    for program, *arguments in programs:
        with Output() as output:
            machine = Machine(cpus, policy, stdout=output.descriptor, stderr=output.descriptor, quiet=True, **options)
            with machine:
                server = machine.start_file_server(file_server) if file_server else None
                job = machine.spawn(str(program), *arguments, file_server=server)
                report = machine.run()
            results.append((job.exit_status, output.text()))
    return results, report
