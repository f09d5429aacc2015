"""`emu teach NAME`: a bug of the books: found, told step by step, mended, and every schedule played without finding it.

Status 0; 1 where it was not found, or not mended; 2 for bad input.
"""

import shlex
import sys
import textwrap

import click

from .run import errors_in_one_line

WIDTH = 100


@click.command()
@click.option("--seed", metavar="S", default="1", show_default=True, help="Seed of the search.")
@click.argument("lesson", required=False)
def teach(seed, lesson):
    """Show a bug: lost-wakeup, priority-inversion, aba, store-buffer or dining."""
    with errors_in_one_line():
        sys.exit(_teach(seed, lesson))


def _teach(seed, name):
    from emu import MachineError
    from emu.explore.lessons import LESSONS

    from .explore import number_of

    seed = number_of("--seed", seed, (1 << 63) - 1, least=0)
    if name is None:
        for each, lesson in LESSONS.items():
            print(f"emu teach {each:20}{lesson.about().partition(':')[0]}")
        return 0
    if name not in LESSONS:
        raise MachineError(f"lesson {name!r}: expected {', '.join(LESSONS)}")
    lesson = LESSONS[name]
    _say(lesson.about())
    if not _find(lesson, seed):
        return 1
    print(f"What mends it ({lesson.source.name}):\n")
    for line, sign, text in lesson.remedy():
        print(f"  {line:4} {sign} {text}")
    return 0 if _check(lesson, seed) else 1


def _say(text):
    print(textwrap.fill(text, WIDTH), "", sep="\n")


def _command(lesson, seed, *rest):
    options = [f"--{name}" if value is True else f"--{name} {value}" for name, value in lesson.options.items()]
    return " ".join(["emu explore", f"--seed {seed}", *options, *map(shlex.quote, rest)])


def _find(lesson, seed):
    """Find the bug and tell it; whether there was one."""
    from emu.explore.campaign import Campaign, Plan, prepared

    from .explore import tell_failure

    print(f"$ {_command(lesson, seed, lesson.program)}", flush=True)
    with prepared(Plan(lesson.program, seed=seed, **lesson.options)) as (world, plan):
        campaign = Campaign(plan, 10_000)
        campaign.play(world)
        found = campaign.found
        if found.failure is None:
            print(f"none of {found.schedules:,} schedules of seed {seed} failed: try another seed")
            return False
        tell_failure(world, plan, found.failure, print)
    return True


def _check(lesson, seed):
    """Play every schedule of what is fixed; whether none failed."""
    from emu.explore.campaign import Campaign, Plan, prepared

    from .explore import sentence

    print(f"\n$ {_command(lesson, seed, '--strategy', lesson.check, lesson.program, 'fixed')}", flush=True)
    plan = Plan(lesson.program, ("fixed",), seed=seed, strategy=lesson.check, **lesson.options)
    with prepared(plan) as (world, plan):
        campaign = Campaign(plan, 1 << 20)
        campaign.play(world)
    print(sentence(campaign.found))
    return campaign.found.is_complete and campaign.found.failure is None
