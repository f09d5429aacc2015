"""python -m tests.mutants: does a test notice each fault of the list? Reports the mutants that survive.

    make mutants                                all that have no verdict for the present sources
    make mutants ARGS="--only park --limit 60"  those with `park` in their id or file, a minute for each
    make mutants ARGS=--report                  what is known, without running anything

Works on a copy of the checkout (tree.py), in an order drawn by a seed, and may be interrupted and started again.
Status 0: none survives; 1: some do, or have no verdict; 2: a mutant does not apply, or the copy is in use; 130: Ctrl-C.
"""

import argparse
import hashlib
import random
import signal
import sys
import time

from emu.hot.cache import cache_root

from .campaign import Campaign
from .listed import MUTANTS
from .mutant import ROOT, DoesNotApply
from .results import KILLED, Results, key_of
from .tree import Busy, Tree


def folder_of(root):
    return cache_root() / "mutants" / hashlib.sha256(str(root).encode()).hexdigest()[:12]


def parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="ids or files that contain a word")
    parser.add_argument("--minutes", type=float, help="begin no mutant after so long")
    parser.add_argument("--limit", type=float, default=300, metavar="S", help="seconds for one mutant's tests [300]")
    parser.add_argument("--seed", type=int, default=1, help="of the order and of the tests [1]")
    parser.add_argument("--again", action="store_true", help="also those that have a verdict")
    parser.add_argument("--new", action="store_true", help="none that was killed once, with whatever sources")
    parser.add_argument("--trust", action="store_true", help="run no test without a fault first: the suite passes")
    parser.add_argument("--report", action="store_true", help="run nothing")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # each ends what runs, restores, and reports
        signal.signal(number, signal.default_int_handler)
    try:
        with Tree(ROOT, folder_of(ROOT)) as tree:
            return _main(options, tree)
    except (Busy, DoesNotApply) as error:
        print(error, file=sys.stderr)
        return 2


def _main(options, tree):
    results = Results(tree.folder / "results.jsonl", tree.digest)
    for mutant in MUTANTS:
        mutant.mutated((tree.path / mutant.file).read_text())  # all apply, before the first is run
    chosen = [m for m in MUTANTS if not options.only or any(w in m.id or w in m.file for w in options.only)]
    status = 0
    if not options.report:
        try:
            _run(options, tree, results, [m for m in chosen if not m.survives])
        except KeyboardInterrupt:
            status = 130
    return _report(results, chosen) or status


def _run(options, tree, results, mutants):
    random.Random(options.seed).shuffle(mutants)
    campaign = Campaign(tree, results, options.seed, options.limit, options.trust)
    begun = time.monotonic()
    for n, mutant in enumerate(mutants, 1):
        known = results.latest(key_of(mutant)) if options.new else results.present(key_of(mutant))
        if known and not options.again and not (options.new and known["verdict"] != KILLED):
            continue
        if options.minutes is not None and time.monotonic() - begun > options.minutes * 60:
            break
        print(f"{n}/{len(mutants)} {mutant.id} …", end=" ", flush=True)
        found = campaign.run(mutant)
        print(f"{found['verdict']} ({found['detail']}, {found['seconds']:.0f} s)", flush=True)


def _report(results, mutants):
    """Print what is known of each; 1 when one survives without a reason or has no verdict."""
    counts = {"killed": 0, "killed, with older sources": 0, "has a reason": 0, "survived": 0, "not run": 0}
    for mutant in sorted(mutants, key=lambda m: m.id):
        line = results.present(key_of(mutant))
        old = results.latest(key_of(mutant)) if line is None else None
        if mutant.survives:
            counts["has a reason"] += 1
            print(f"{mutant.id}: survives, {mutant.survives}")
        elif line is None and old is not None and old["verdict"] == KILLED:
            counts["killed, with older sources"] += 1
        elif line is None:
            counts["not run"] += 1
        elif line["verdict"] == KILLED:
            counts["killed"] += 1
        else:
            counts["survived"] += 1
            print(f"{mutant.id}: {line['verdict']}: {line['detail']} ({mutant.file}: {mutant.old!r})")
    print(", ".join(f"{number} {name}" for name, number in counts.items()), f"of {len(mutants)}")
    return 1 if counts["survived"] else 0


if __name__ == "__main__":
    sys.exit(main())
