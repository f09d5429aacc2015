"""`emu explore PROGRAM [ARG…]`: play a program's schedules until one fails; the failure made simple, and told.

Status 0: no schedule failed; 1: one did; 2 for bad input.  How it is done: emu/explore/.
"""

import os
import sys

import click

from .options import ProgramCommand
from .run import errors_in_one_line


@click.command(cls=ProgramCommand, context_settings={"allow_interspersed_args": False})
@click.option("--schedules", default="10000", show_default=True, metavar="N", help="How many at most.")
@click.option("--seconds", metavar="S", help="How long at most.")
@click.option("--strategy", default="portfolio", show_default=True, metavar="NAME[:K=N]", help="random, pct:d=3, …")
@click.option("--memory", default="sc", show_default=True, metavar="MODEL", help="sc, tso or rvwmo: weak memory.")
@click.option("--patient", is_flag=True, help="Time-outs end only when no thread can run; else whenever it may be.")
@click.option("--priorities", is_flag=True, help="Threads run by their real-time priorities, as on one CPU.")
@click.option("--libraries", is_flag=True, help="Switch threads inside libraries, too: they are not taken to be right.")
@click.option("--seed", metavar="S", help="Seed of all chance (EMU_SEED, else a fresh one).")
@click.option("--jobs", default="1", show_default=True, metavar="N", help="Processes that explore.")
@click.option("--cluster", metavar="ADDRESS", help="A Dask scheduler, tcp://HOST:PORT, whose workers explore instead.")
@click.option("--max-steps", default="100000", show_default=True, metavar="N", help="Events of a schedule; a livelock.")
@click.option("--status", metavar="N", help="The exit status that is expected (0).")
@click.option("--expect", "expected", multiple=True, metavar="REGEX", help="The output must have a match.")
@click.option("--forbid", "forbidden", multiple=True, metavar="REGEX", help="The output must have none.")
@click.option("--races", is_flag=True, help="Data races are failures, too.")
@click.option("--env", "environment", multiple=True, metavar="K=V", help="A variable for the program.")
@click.option("--replay-file", metavar="FILE", help="Where the failure is kept (PROGRAM.replay).")
@click.option("--quiet", is_flag=True, help="No progress, no steps: one line says what was found.")
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def explore(
    schedules, seconds, strategy, memory, patient, priorities, libraries, seed, jobs, cluster, max_steps, status,
    expected, forbidden, races, environment, replay_file, quiet, program, arguments,
):  # fmt: skip
    """Play the schedules of PROGRAM (a static RISC-V 64-bit Linux ELF) until one fails."""
    with errors_in_one_line():
        sys.exit(_explore(**locals()))


def _explore(schedules, seconds, jobs, cluster, replay_file, quiet, program, arguments, **options):
    from emu.explore import campaign, replay
    from emu.explore.strategies import strategies
    from emu.machine.loader import read_program

    schedules, jobs = number_of("--schedules", schedules), number_of("--jobs", jobs, 256)
    seconds = None if seconds is None else _seconds(seconds)
    strategies(options["strategy"])
    plan = _plan(program, arguments, **options)
    read_program(program)
    replay_file = replay_file or f"{os.path.basename(program)}.replay"
    from tqdm import tqdm

    with campaign.prepared(plan) as (world, plan):
        if not quiet:
            _say(
                f"{os.path.basename(program)}: {len(plan.shared)} shared words, "
                f"{plan.facts.events:,} events a schedule; seed {plan.seed}, {plan.strategy}"
            )
        tqdm.monitor_interval = 0  # its thread would be lost in forks
        with tqdm(total=schedules, unit="schedule", disable=quiet or None, leave=False) as bar:

            def show(found):
                bar.n = found.schedules
                bar.set_postfix_str(f"{len(found.distinct):,} distinct", refresh=True)

            work = campaign.Campaign(plan, schedules, seconds, show)
            if cluster is None:
                work.play(world, jobs)
            else:
                from emu.explore.cluster import workers

                with workers(cluster, plan) as (executor, count):
                    work.play(world, count, executor)
        found = work.found
        _say(sentence(found))
        if found.failure is None:
            return 0
        simple = tell_failure(world, plan, found.failure, _say, quiet)
        replay.keep(replay_file, world, plan, found.failure, simple)
        _say(f"again: emu replay {replay_file}")
    return 1


def _say(line):
    print(f"emu: {line}", file=sys.stderr, flush=True)


def tell_failure(world, plan, failure, say, quiet=False):
    """Make a failure simple and print its story, and its headlines by `say`; the simple Outcome."""
    from emu.explore.shrink import shrink
    from emu.explore.story import headline, how_found

    say(headline(plan, failure).rstrip())
    simple, runs = shrink(world, failure)
    say(f"{how_found(failure, simple)} (found in {runs} more schedules)")
    if not quiet:
        tell(world, failure.number, simple)
    return simple


def tell(world, number, outcome):
    """Print the story of a schedule."""
    from emu.explore.story import told

    print("", *told(world, number, outcome), "", sep="\n", flush=True)


def sentence(found):
    """What a campaign found, in a line."""
    from emu.explore.exhaustive import ALL, bound_of

    every = ""
    if found.is_complete:
        bound = bound_of(found.plan.strategy)
        at_most = "all but for how long threads spin" if bound == ALL else f"all with at most {bound} preemptions"
        every = " (all there are)" if found.is_whole else f" ({at_most})"
    end = "one failed" if found.failure else "none failed"
    return (
        f"{found.schedules:,} schedules{every}, {len(found.distinct):,} of them distinct, in {found.seconds:.1f} s"
        f" ({found.per_second:,.0f} a second), {end}"
    )


def _plan(
    program,
    arguments,
    strategy,
    memory,
    patient,
    priorities,
    libraries,
    seed,
    max_steps,
    status,
    expected,
    forbidden,
    races,
    environment,
):
    from emu import MachineError
    from emu.explore.campaign import Plan
    from emu.explore.oracles import FORBID, OUTPUT, STATUS
    from emu.explore.world import MODELS
    from emu.machine.policy_text import pair

    if memory not in MODELS:
        raise MachineError(f"--memory {memory!r}: expected {', '.join(MODELS)}")
    rules = [(OUTPUT, _pattern("--expect", each)) for each in expected]
    rules += [(FORBID, _pattern("--forbid", each)) for each in forbidden]
    if status is not None:
        rules.append((STATUS, number_of("--status", status, 255, least=0)))
    variables = tuple(pair("--env", each) for each in environment)
    from emu.machine.config import default_seed

    number = default_seed() if seed is None else number_of("--seed", seed, (1 << 63) - 1, least=0)
    return Plan(
        program,
        tuple(arguments),
        variables,
        number,
        strategy,
        number_of("--max-steps", max_steps, 1 << 40),
        memory,
        patient,
        priorities,
        libraries,
        tuple(rules),
        races=races,
    )


def _pattern(option, text):
    import re

    from emu import MachineError

    try:
        re.compile(text.encode())
    except re.error as error:
        raise MachineError(f"{option} {text!r}: no regular expression: {error}") from None
    return text


def number_of(option, text, most=1 << 40, least=1):
    """A number of the command line; MachineError."""
    from emu import MachineError

    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
        raise MachineError(f"{option} {text!r}: expected a number from {least} to {most}")
    return int(text)


def _seconds(text):
    from emu import MachineError

    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise MachineError(f"--seconds {text!r}: expected a number above 0")
    return seconds
