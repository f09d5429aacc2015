"""Running programs in Python, for tests: on a machine of their own, with what they wrote.

One of the programs has an assertion as people write it: PYTEST_DONT_REWRITE.
"""

from emu import Machine
from tests.guests.programs import Output


def run_python(function, *integers, cpus=2, policy="inko", limit_s=60, **options):
    """(exit status, lines written to standard output and error) of a program, whose machine left nothing behind."""
    with Output() as output:
        descriptors = {"stdout": output.descriptor, "stderr": output.descriptor}
        with Machine(cpus, policy, quiet=True, **descriptors, **options) as machine:
            job = machine.spawn_python(function, *integers)
            report = machine.run(limit_s)
        assert report.leaks == {} and report.failure == ""
        return job.exit_status, output.text().splitlines()


def numbers(function, *integers, **options):
    """The integers that a program printed, which ended well."""
    status, lines = run_python(function, *integers, **options)
    assert status == 0, lines
    return [int(line) for line in lines]


def an_assertion(n):
    """A program with an assertion."""
    assert n
