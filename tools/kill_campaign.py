"""Kills and signals at any moment: nothing may be left, and the status has to be right.

    python -m tools.kill_campaign --kills 500 --signals 200 --steps

From the top of a checkout (what a trial is: tests/kills).  A failure is printed with the seed that makes it again:
`--kills 1 --seed SEED`.
"""

import signal
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from tqdm import tqdm


@click.command()
@click.option("--kills", default=0, metavar="N", help="SIGKILLs of one process of a command.")
@click.option("--signals", default=0, metavar="N", help="SIGINT, SIGTERM or SIGHUP, once or twice, to it or its group.")
@click.option("--steps", is_flag=True, help="Each signal at each step of start and end, once and twice.")
@click.option("--seed", default=1, show_default=True, metavar="S", help="Of the first trial; the next have the next.")
@click.option("--jobs", default=2, show_default=True, metavar="N", help="Trials at a time.")
def main(kills, signals, steps, seed, jobs):
    """Kill machines, and look at what is left."""
    for number in (signal.SIGINT, signal.SIGHUP):  # ignored in the background: commands under test would inherit it
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    from tests.kills.campaign import all_steps, kill_once, signal_at_step, signal_once

    def at_step(case):
        with tempfile.TemporaryDirectory() as directory:
            return signal_at_step(*case, Path(directory))

    seeds = range(seed, seed + max(kills, signals))
    cases = [*all_steps(False), *all_steps(True)] if steps else []
    wrong = 0
    for name, trial, each in (
        ("SIGKILLs", kill_once, seeds[:kills]),
        ("signals", signal_once, seeds[:signals]),
        ("signals at steps", at_step, cases),
    ):
        if each:
            wrong += _campaign(name, trial, each, jobs)
    sys.exit(1 if wrong else 0)


def _campaign(name, trial, each, jobs):
    with ThreadPoolExecutor(jobs) as pool:
        results = list(tqdm(pool.map(trial, each), total=len(each), desc=name))
    bad = [result for result in results if result.wrong]
    for result in bad:
        print(f"{result.what}: {result.wrong}")
    seconds = sorted(result.seconds for result in results if result.status is not None)
    if seconds:
        late = seconds[int(len(seconds) * 0.99)]
        took = f"ended after {statistics.median(seconds):.2f} s (median), {late:.2f} (p99), {seconds[-1]:.2f} (most)"
    else:
        took = "none ended by it"
    print(f"{len(results)} {name}, {len(seconds)} of them while it ran: {len(bad)} wrong; {took}")
    return len(bad)


if __name__ == "__main__":
    main()
