"""`emu replay FILE`: play the schedule that `emu explore` has found once more, and tell it.

Status 1 where it fails as before, which is what is expected; 3 where it comes out differently; 2 for bad input.
"""

import sys

import click

from .run import errors_in_one_line

DIFFERS = 3


@click.command()
@click.option("--quiet", is_flag=True, help="No steps: one line says what became of it.")
@click.argument("file")
def replay(file, quiet):
    """Play the schedule in FILE once more, step by step."""
    with errors_in_one_line():
        sys.exit(_replay(file, quiet))


def _replay(file, quiet):
    from emu.explore.replay import read_replay
    from emu.world.strategies import planned

    from .explore import tell

    kept = read_replay(file)
    with kept.plan.world() as world:
        outcome = world.run(kept.number, planned, plan=kept.switches)
        if not quiet:
            tell(world, kept.number, outcome)
    same = outcome.digest == kept.digest
    wrong = kept.plan.wrong(outcome) or "no failure"
    print(f"emu: {wrong}; {'every event as it was' if same else f'not as it was: {kept.wrong}'}", file=sys.stderr)
    return 1 if same else DIFFERS
