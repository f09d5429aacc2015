"""Random system calls from guests, until something breaks that no guest may break.

    python -m tools.fuzz_syscalls --calls 10000000 --jobs 2

From the top of a checkout (the guest and its driver are in tests/fuzz).  Prints how many calls there were, which share
of them succeeded, which calls never did, and with `--lines` how much of the handlers' code was executed.  A failure
is printed with the options that replay it.
"""

import os
import signal
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import click

SHARE = 100_000  # calls of one task of a worker


def _work(seed, calls, memory, lines):
    from tests.fuzz.campaign import Campaign, CampaignFailed

    if lines:
        from tests.fuzz.tracing import trace_servers

        trace_servers(lines)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Campaign(seed, memory) as campaign:
        failure = ""
        try:
            campaign.run(calls)
        except CampaignFailed as error:
            failure = str(error)
        return campaign.attempts, campaign.successes, campaign.ends, campaign.machines, failure


@click.command()
@click.option("--seed", default=1, show_default=True, help="Of the first machine; later ones count up.")
@click.option("--calls", default=100_000, show_default=True, help="Stop when so many system calls have returned.")
@click.option("--jobs", default=1, show_default=True, help="Machines at a time.")
@click.option("--memory", default="64M", show_default=True, help="Guest memory of each machine.")
@click.option("--lines", is_flag=True, help="Report the lines of handlers that were executed (slower).")
def fuzz(seed, calls, jobs, memory, lines):
    """Throw random system calls at machines."""
    for number in (signal.SIGINT, signal.SIGHUP):  # ignored in the background
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    try:
        from tests.fuzz.campaign import Campaign
        from tests.fuzz.tracing import executed, handler_files, statements
    except ImportError as error:
        raise click.ClickException(f"{error}: run this from the top of a checkout") from None
    from tqdm import tqdm

    from emu.abi.syscall_numbers import name_of
    from emu.server.calls.registry import handler_of

    total, start, failures = Campaign(seed, memory), time.perf_counter(), []
    with tempfile.TemporaryDirectory() as directory, tqdm(total=calls, unit="call", unit_scale=True) as bar:
        pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
        with pool:
            shares = -(-calls // SHARE)
            work = [(seed + k * 1000, min(SHARE, calls), memory, directory if lines else "") for k in range(shares)]
            for attempts, successes, ends, machines, failure in pool.map(_work, *zip(*work)):
                total.attempts += attempts
                total.successes += successes
                total.ends += ends
                total.machines += machines
                bar.update(sum(attempts.values()))
                if failure:
                    failures.append(failure)
                    tqdm.write(failure)
        done = sum(total.attempts.values())
        print(f"{done:,} calls, {done / (time.perf_counter() - start):,.0f} a second, on {total.machines} machines; "
              f"{total.share_of_successes():.0%} succeeded; programs ended with {dict(total.ends)}")  # fmt: skip
        never = [name_of(n) for n in total.never_succeeded(n for n in range(1 << 13) if handler_of(n))]
        print(f"served calls that never succeeded: {', '.join(never) or 'none'}")
        if lines:
            ran = executed(directory)
            for file in handler_files():
                all_lines = statements(file)
                missed = sorted(all_lines - ran.get(file, set()))
                print(f"{Path(file).name}: {len(all_lines) - len(missed)} of {len(all_lines)} statements; not {missed}")
    print(f"{len(failures)} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    fuzz()
