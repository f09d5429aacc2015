"""Mutated program images, until one breaks what none may break.

    python -m tools.fuzz_elf --count 100000 --run 2000 --seed 7 [PROGRAM…]

From the top of a checkout (the mutations and what must hold are in tests/fuzz).  Mutants of the PROGRAMs, else of the
smallest guests that come with emu, go through the loader and are placed on a machine without processes; --run of those
that the loader takes also run on real machines.  A failure is printed with the seed that replays it:
`--seed` of it, and `--count 1`.
"""

import os
import sys
import time
from pathlib import Path

import click


@click.command()
@click.option("--seed", default=1, show_default=True, help="Of the first mutant; the next ones count up.")
@click.option("--count", default=10_000, show_default=True, help="Mutants to load and place.")
@click.option("--run", "runs", default=0, show_default=True, help="Mutants to run on machines.")
@click.argument("programs", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def fuzz(seed, count, runs, programs):
    """Throw mutated ELF files at the loader and at machines."""
    try:
        from tests.fuzz.elf_campaign import ElfCampaign
    except ImportError as error:
        raise click.ClickException(f"{error}: run this from the top of a checkout") from None
    from tqdm import tqdm

    campaign = ElfCampaign(seed, [program.read_bytes() for program in programs])
    start, failure = time.perf_counter(), ""
    with tqdm(total=count + runs, unit="mutant", unit_scale=True) as bar:
        try:
            campaign.load(count, bar.update)
            campaign.run(runs, bar.update)
        except AssertionError as error:
            failure = str(error)
    print(
        f"{campaign.refused:,} refused, {campaign.placed:,} placed, {campaign.full:,} too large; {campaign.ran:,} run "
        f"on machines, of which {campaign.killed:,} did not end by themselves; {time.perf_counter() - start:.0f} s"
    )
    print(failure or "0 failures")
    sys.exit(bool(failure))


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    fuzz()
