"""Each completed context exactly once, by the million, while CPUs come and go, and tasks are killed and interrupted.

    python -m tools.upcall_campaign --contexts 10000000

From the top of a checkout.  On each machine one guest is judged and two of its sort are killed at some moment.  The
guest (tests/programs/native/exactly_once.c) has a scheduler of its own for its user threads, and fails when a context
comes twice, is an earlier one, or does not come.  A failure is printed with the seed that makes such a machine again:
`--contexts 1 --seed SEED`.
"""

import random
import sys
import tempfile
from pathlib import Path

import click
from tqdm import tqdm

from emu import Machine
from emu.guests import build

GUEST = Path("tests/programs/native/exactly_once.c")
POLICIES = ("inko", "eevdf", "random", "bsd4", "codezero", "alux")
MOST_CPUS = 4
ROUNDS = 30_000  # calls of each user thread of the guest that is judged
CHANGES = 6  # CPUs that come or go between two kills
FOR_EVER = 1 << 40
LIMIT_S = 300


def trial(program, seed):
    """One machine; how many contexts came, all of them once, or AssertionError."""
    from emu.testing.checks import check_machine
    from tests.systems.test_hotplug import change_cpus

    rand = random.Random(seed)
    policy, cpus = rand.choice(POLICIES), rand.randint(1, MOST_CPUS)
    with tempfile.TemporaryFile() as output:
        streams = {"stdin": output.fileno(), "stdout": output.fileno(), "stderr": output.fileno()}
        with Machine(cpus, policy, seed=seed, quiet=True, **streams) as machine:
            threads, upcalls, signals = rand.randint(2, 12), rand.randint(1, 4), rand.randint(0, 1)
            judged = machine.spawn(program, threads, upcalls, ROUNDS, signals)
            for _ in range(2):
                victim = machine.spawn(program, 8, 2, FOR_EVER, rand.randint(0, 1))
                change_cpus(machine, rand, CHANGES, MOST_CPUS)
                machine.kill(victim)
            report = machine.run(limit_s=LIMIT_S)
            check_machine(machine.window, machine.config.policy)
        output.seek(0)
        text = output.read().decode(errors="replace")
    assert judged.exit_status == 0 and report.leaks == {}, (
        f"{policy}: status {judged.exit_status}, {text}, {report.leaks}"
    )
    return int(text.split()[1])


@click.command()
@click.option("--contexts", default=1_000_000, show_default=True, metavar="N", help="That have to come in all.")
@click.option("--seed", default=1, show_default=True, metavar="S", help="Of the first machine; the next have the next.")
def main(contexts, seed):
    """Have so many contexts of user threads handed out, each exactly once."""
    came = machines = 0
    with tempfile.TemporaryDirectory() as directory, tqdm(total=contexts, unit=" contexts") as progress:
        program = Path(directory) / "exactly_once"
        build.compile_c(GUEST, program)
        while came < contexts:
            try:
                new = trial(str(program), seed + machines)
            except Exception as error:
                sys.exit(f"--seed {seed + machines}: {error}")
            came += new
            machines += 1
            progress.update(new)
    print(f"{came:,} contexts on {machines} machines, each exactly once")


if __name__ == "__main__":
    main()
