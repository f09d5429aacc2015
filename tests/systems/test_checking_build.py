"""Machines of a checking build run guests under every policy: no section, lock order or transition is wrong (alux-6).

It costs the compilation of a second kernel, once a session: about 25 s on two idle cores.
"""

import pytest

from emu.actor.policies import BUILTIN
from tests.guests.programs import SOURCES
from tests.processes import checking_build

PROGRAM = """
import sys
from emu import Machine
from emu.hot import CHECK

def run(policy, programs):
    with open("/dev/null", "wb") as null, Machine(2, policy, seed=5, stdout=null.fileno(), quiet=True) as machine:
        jobs = [machine.spawn(*program) for program in programs]
        sleeper = machine.spawn("sleepers", 1, 1_000_000)
        machine.add_cpu()
        thread = machine.threads(sleeper)[0]
        machine.suspend(thread)
        machine.resume(thread)
        machine.remove_cpu(0)
        machine.kill(sleeper)
        report = machine.run(limit_s=100)
    wrong = [(path, job.exit_status) for (path, *_), job in zip(programs, jobs) if job.exit_status]
    print(policy, "failed" if wrong or report.failure or report.leaks else "ok", wrong, report.failure, report.leaks)

if __name__ == "__main__":
    assert CHECK
    programs = [("primes", 100_000), ("locking", 4, 500, 20), ("sleepers", 3, 20), ("spawn", 200)]
    programs += [(path,) for path in sys.argv[1].split(":")]
    for policy in sys.argv[2].split(":"):
        run(policy, programs)
"""


@pytest.mark.timeout(1200)  # on a busy host the compilation takes minutes
@pytest.mark.system("alux-6")
def test_guests_under_every_policy_break_no_rule_of_a_checking_build(tmp_path):
    from emu.guests import build

    built = []
    for name in ("kmutex", "timeouts", "suspend", "signals", "l4ipc"):
        built.append(tmp_path / name)
        build.compile_c(SOURCES / f"{name}.c", built[-1])
    said = checking_build(tmp_path / "program.py", PROGRAM, ":".join(map(str, built)), ":".join(BUILTIN))
    assert said.splitlines() == [f"{policy} ok []  {{}}" for policy in BUILTIN], said
