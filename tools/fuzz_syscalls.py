"""Random system calls from guests, until something breaks that no guest may break.

    python -m tools.fuzz_syscalls --calls 10000000 --jobs 2
    python -m tools.fuzz_syscalls --calls 10000000 --native

From the top of a checkout (the guests and their driver are in tests/fuzz).  Prints how many calls there were, which
share of them succeeded, which calls never did, and with `--lines` how much of the handlers' code was executed.  A
failure is printed with the options that replay it.
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


def _work(seed, calls, memory, lines, native):
    from tests.fuzz.campaign import Campaign, CampaignFailed

    if lines:
        from tests.fuzz.tracing import trace_servers

        trace_servers(lines)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Campaign(seed, memory, native) as campaign:
        failure = ""
        try:
            campaign.run(calls)
        except CampaignFailed as error:
            failure = str(error)
        return campaign.attempts, campaign.successes, campaign.ends, campaign.calls, campaign.machines, failure


@click.command()
@click.option("--seed", default=1, show_default=True, help="Of the first machine; later ones count up.")
@click.option("--calls", default=100_000, show_default=True, help="Stop when so many system calls have returned.")
@click.option("--jobs", default=1, show_default=True, help="Machines at a time.")
@click.option("--memory", default="64M", show_default=True, help="Guest memory of each machine.")
@click.option("--native", is_flag=True, help="The native calls of emu, in place of Linux's.")
@click.option("--lines", is_flag=True, help="Report the lines of handlers that were executed (slower).")
def fuzz(seed, calls, jobs, memory, native, lines):
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
    from emu.actor.lifeline import end_with_parent
    from emu.server.calls.registry import handler_of

    total, start, failures = Campaign(seed, memory, native), time.perf_counter(), []
    with tempfile.TemporaryDirectory() as directory, tqdm(total=calls, unit="call", unit_scale=True) as bar:
        pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=end_with_parent, initargs=(os.getpid(),))
        with pool:
            shares = -(-calls // SHARE)
            lines_at = directory if lines else ""
            work = [(seed + k * 1000, min(SHARE, calls), memory, lines_at, native) for k in range(shares)]
            for attempts, successes, ends, made, machines, failure in pool.map(_work, *zip(*work)):
                total.attempts += attempts
                total.successes += successes
                total.ends += ends
                total.calls += made
                total.machines += machines
                bar.update(made)
                if failure:
                    failures.append(failure)
                    tqdm.write(failure)
        rate, share = total.calls / (time.perf_counter() - start), total.share_of_successes()
        print(f"{total.calls:,} calls, {rate:,.0f} a second, on {total.machines} machines; {share:.0%} succeeded; "
              f"programs ended with {dict(total.ends)}")  # fmt: skip
        names = {n: n for n in total.attempts} if native else {n: name_of(n) for n in range(1 << 13) if handler_of(n)}
        never = [names[n] for n in total.never_succeeded(names)]
        print(f"{'kinds of calls' if native else 'served calls'} that never succeeded: {', '.join(never) or 'none'}")
        if native:
            for name in sorted(names):
                print(f"{name:24}{total.attempts[name]:12,}{total.successes[name]:12,}")
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
