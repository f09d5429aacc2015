"""Random programs on the interpreter and on qemu-riscv64, until the two differ.

    python -m tools.fuzz_isa --instructions 1000000000 --seed 7

From the top of a checkout (the generator and the peer are in tests/oracle).  Every format, corner operands, memory,
jumps, atomics, floating point in every rounding mode; registers, flags and memory are compared.  A difference is
shrunk to the few instructions that it takes and printed with its seed; `--seed` of it and `--batches 1` replay it.
"""

import sys
import tempfile
import time

import click


@click.command()
@click.option("--seed", default=0, show_default=True, help="Of the first batch; the next ones count up.")
@click.option("--instructions", default=10_000_000, show_default=True, help="Stop when so many were executed.")
@click.option("--batches", type=int, help="Stop after so many batches.")
def fuzz(seed, instructions, batches):
    """Compare the interpreter with qemu-riscv64 on random programs."""
    try:
        from tests.oracle.differential import Differential, Mismatch, qemu
    except ImportError as error:
        raise click.ClickException(f"{error}: run this from the top of a checkout") from None
    if qemu.QEMU is None:
        raise click.ClickException("qemu-riscv64 is not installed (Debian: qemu-user)")
    from tqdm import tqdm

    with tempfile.TemporaryDirectory() as directory, tqdm(total=instructions, unit="insn", unit_scale=True) as bar:
        differential = Differential(directory)
        start, executed, done = time.perf_counter(), 0, 0
        try:
            while executed < instructions and (batches is None or done < batches):
                count = differential.batch(seed + done)
                executed, done = executed + count, done + 1
                bar.update(count)
        except Mismatch as mismatch:
            bar.close()
            print(mismatch)
            sys.exit(1)
        finally:
            differential.close()
        seconds = time.perf_counter() - start
    print(f"{executed:,} instructions agree, {executed / seconds:,.0f} a second; seeds {seed} to {seed + done - 1}")


if __name__ == "__main__":
    fuzz()
