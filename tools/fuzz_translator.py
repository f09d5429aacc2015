"""Random programs on machines with the translator and on qemu-riscv64, until the two differ.

    python -m tools.fuzz_translator --instructions 1000000000 --seed 7

From the top of a checkout (the generator and the peer are in tests/oracle).  A batch is one executable: a few programs
with loops and functions, each entered a thousand times and more with registers of its own, over the same data.  Both
run it whole and print all registers after each time, and the data in the end.  So what is compared is what users run:
code that becomes hot, is translated (CPUs wait for it, or the programs would be over first), in windows and as
careful code (each second batch), preempted at any of its jumps.

`tools.fuzz_isa` compares the interpreter; tests/oracle/test_translated_against_qemu.py makes differences small.
"""

import sys
import tempfile
import time
from pathlib import Path

import click

PROGRAMS, INPUTS, TIMES = 8, 200, 40
QEMU_S, MACHINE_S = 300, 300


def on_machine(path, seed):
    """(what an executable prints, the report of the machine that it ran on)."""
    from emu import Machine

    with tempfile.TemporaryFile() as output:
        options = {"translator": "sync", "slice_ns": 500_000, "quiet": True, "stdout": output.fileno()}
        with Machine(1, "random", seed=seed, **options) as machine:
            machine.window.machine["careful"] = seed % 2
            job = machine.spawn(str(path))
            report = machine.run(limit_s=MACHINE_S)
        if job.exit_status != 0:
            raise AssertionError(f"ended with status {job.exit_status}")
        output.seek(0)
        return output.read(), report


def batch(path, seed):
    """Compare one batch; (instructions executed, those of them that were translated)."""
    from tests.oracle import qemu
    from tests.oracle.differential import BASE, DATA, cases, image_of

    made, data = cases(seed, INPUTS, True, PROGRAMS)
    records = [qemu.record(run) for case in made for run in case.runs * TIMES]
    qemu.write_executable(path, BASE, image_of(made, data), records, DATA, len(data))
    theirs = qemu.execute(path, qemu.RECORD * len(records) + len(data), QEMU_S)
    ours, report = on_machine(path, seed)
    if ours != theirs:
        pairs = enumerate(zip(ours, theirs, strict=False))
        at = next((k for k, (a, b) in pairs if a != b), min(len(ours), len(theirs)))
        number, word = divmod(at // 8, qemu.RECORD // 8)
        program = made[min(number // (INPUTS * TIMES), len(made) - 1)].program
        raise AssertionError(f"time {number}, word {word} of its registers differ\n{program.listing()}")
    return report.instructions, int(report.instructions * report.translation.share)


@click.command()
@click.option("--seed", default=0, show_default=True, help="Of the first batch; the next ones count up.")
@click.option("--instructions", default=100_000_000, show_default=True, help="Stop when so many were executed.")
@click.option("--batches", type=int, help="Stop after so many batches.")
def fuzz(seed, instructions, batches):
    """Compare machines that translate with qemu-riscv64 on random programs."""
    try:
        from tests.oracle.qemu import QEMU
    except ImportError as error:
        raise click.ClickException(f"{error}: run this from the top of a checkout") from None
    if QEMU is None:
        raise click.ClickException("qemu-riscv64 is not installed (Debian: qemu-user)")
    from tqdm import tqdm

    with tempfile.TemporaryDirectory() as directory, tqdm(total=instructions, unit="insn", unit_scale=True) as bar:
        start, executed, translated, done = time.perf_counter(), 0, 0, 0
        while executed < instructions and (batches is None or done < batches):
            try:
                count, those = batch(Path(directory) / "programs", seed + done)
            except Exception as error:
                bar.close()
                sys.exit(f"--seed {seed + done} --batches 1: {error}")
            executed, translated, done = executed + count, translated + those, done + 1
            bar.update(count)
        seconds = time.perf_counter() - start
    print(
        f"{executed:,} instructions agree, {translated / executed:.0%} of them translated, "
        f"{executed / seconds:,.0f} a second; seeds {seed} to {seed + done - 1}"
    )


if __name__ == "__main__":
    fuzz()
