"""The two further measures of cpu_speed, both of the CoreMark-shaped guest: whole processes, and two CPUs beside one.

Whole processes: an `emu run` from its start to its end, with all that it has to do before and beside the guest,
translating included, and a whole qemu-riscv64 and native process of the same work, chosen so that qemu takes some ten
seconds.  emu's own compiled code is there already, as it is after the first use of an installation.

Two CPUs: two tasks on two CPUs that have run the guest before, and one on one.  The host's own answer to the same
question, two processes of a peer beside one, says how much of two cores there was to be had.
"""

from concurrent.futures import ThreadPoolExecutor

from common import NOT_INSTALLED, QEMU, interleave, spread, with_range
from cpu_contenders import COREMARK, EMU, PEERS, boot, ratio, same_output
from guest_runs import run_command
from startup import COMMAND

COLD_PEER_S = 10.0
COLD_ITERATIONS = 125_000  # where there is no qemu to calibrate with
COLD_ROUNDS = 3


def measure_cold(bench, found):
    """A row and a table of whole processes."""
    target_s = 0.1 if bench.quick else COLD_PEER_S
    iterations = calibrated(found[QEMU], target_s) if QEMU in found else int(COLD_ITERATIONS * target_s / COLD_PEER_S)
    turns = {EMU: lambda: run_command([*COMMAND, "--cpus", "1", COREMARK, iterations])}
    turns |= {name: lambda run=found[name]: run(COREMARK, iterations) for name in PEERS if name in found}
    rounds = min(bench.rounds, COLD_ROUNDS)
    results = interleave(rounds, turns, warm_up=False)
    checksum = same_output("whole processes", results)
    row = bench.row(part="cold", guest=COREMARK, iterations=iterations, checksum=checksum)
    times = {name: [run.wall_s for run in runs] for name, runs in results.items()}
    rows = []
    for name in (EMU, *PEERS):
        if name not in times:
            row[name] = NOT_INSTALLED
            rows.append((name, NOT_INSTALLED, ""))
            continue
        row[name] = {"wall_s": spread(times[name])}
        cells = [name, with_range(row[name]["wall_s"], digits=2), ""]
        if name != EMU:
            row[name]["emu_takes_times"] = ratio(times[EMU], times[name])
            cells[-1] = with_range(row[name]["emu_takes_times"], digits=2)
        rows.append(cells)
    bench.table(
        f"{COREMARK}, {iterations:,} iterations: whole processes, from start to end; medians of {rounds}",
        ("", "seconds", "emu ÷ it"),
        rows,
    )


def calibrated(run, seconds):
    """Iterations of the CoreMark-shaped guest that take this long."""
    few = 1000
    empty_s = min(run("hello").wall_s for _ in range(3))
    few_s = min(run(COREMARK, few).wall_s for _ in range(3)) - empty_s
    return max(1, int(few * seconds / max(few_s, 1e-3)))


def measure_scaling(bench, stack, found, iterations):
    """A row and a table of the throughput of two beside one."""
    work = (COREMARK, iterations)
    pair = boot(stack, 2)
    turns = {(EMU, 1): lambda: found[EMU](*work).wall_s, (EMU, 2): lambda: pair.run_together(work, work).wall_s}
    for name in PEERS:
        if name in found:
            turns[name, 1] = lambda run=found[name]: run(*work).wall_s
            turns[name, 2] = lambda run=found[name]: two_at_once(run, work)
    results = interleave(bench.rounds, turns)
    rows = []
    for name in (EMU, *PEERS):
        if name not in found:
            bench.row(part="scaling", what=name, status=NOT_INSTALLED)
            rows.append((name, NOT_INSTALLED, "", ""))
            continue
        one, two = results[name, 1], results[name, 2]
        throughput = ratio([2 * s for s in one], two)
        row = bench.row(part="scaling", what=name, one_s=spread(one), two_s=spread(two), throughput_ratio=throughput)
        cells = (with_range(row[key], digits=2) for key in ("one_s", "two_s", "throughput_ratio"))
        rows.append((name, *cells))
    columns = ("", "one alone, s", "two at once, s", "throughput of two ÷ of one")
    bench.table(f"{COREMARK}, {iterations:,} iterations each: two CPUs beside one", columns, rows)


def two_at_once(run, work):
    """Seconds until two processes of a peer have both ended."""
    with ThreadPoolExecutor(2) as pool:
        return max(future.wall_s for future in pool.map(lambda _: run(*work), range(2)))
