"""What does a message cost: to a mailbox that four threads send to, through a channel, and a megabyte that moves?

A guest on 2 CPUs of emu takes the times itself.  The mailbox's receiver polls on one CPU, its senders share the
other.  Messages through channels, and the megabyte, go from a thread to itself, so no other CPU is in the task.

python benchmarks/messages_channels.py [--rounds N] [--quick]
"""

import tempfile
from pathlib import Path

from common import benchmark, interleave, spread, with_range
from guest_runs import Booted

from emu.guests.build import GUESTS, compile_c

CPUS = 2
WHAT = (
    ("send to a mailbox, 4 senders on a CPU, received on another", 80),
    ("send to a mailbox, nobody else", None),
    ("16 bytes one way, 64 at once", 60),
    ("16 bytes one way, one by one", None),
    ("1 MB sent and received, never touched since", None),
    ("1 MB sent and received, stored to before", 5000),
    ("the bare call", None),
)


@benchmark("messages_channels", rounds=7)
def main(bench):
    """What does a message cost: to a mailbox, through a channel, and a megabyte that moves?"""
    count, moved = (20_000, 50) if bench.quick else (1_000_000, 2000)
    with tempfile.TemporaryDirectory() as directory, Booted(CPUS) as emu:
        program = Path(directory) / "messages_channels.elf"
        compile_c(Path(__file__).with_suffix(".c"), program, f"-I{GUESTS}", "-Wno-unused-function")
        results = interleave(bench.rounds, {"emu": lambda: emu.run(str(program), CPUS, count, moved).output})
    figures = zip(*(map(float, text.split()) for text in results["emu"]), strict=True)
    rows = []
    for (what, aim), values in zip(WHAT, figures, strict=True):
        bench.row(what=what, ns=spread(values), aim_ns=aim)
        rows.append((what, with_range(spread(values), digits=0), f"{aim:,}" if aim else ""))
    bench.table("Messages on 2 CPUs", ("what", "ns", "at most"), rows)


if __name__ == "__main__":
    main()
