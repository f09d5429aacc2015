"""`emu sweep --policy NAME --set K=A,B,…`: the same work under one policy with different parameters.

Each combination of values is a row of `emu compare`; --plot draws the makespan over the first parameter, with the
bootstrap interval, a line for each combination of the others.
"""

import itertools
import sys

import click

from emu.machine.policy_text import pair

from .compare import end, of_a_comparison, run_comparison
from .options import ProgramCommand, check_writable
from .run import errors_in_one_line

MOST_VARIANTS = 1000


@click.command(cls=ProgramCommand, context_settings={"allow_interspersed_args": False})
@click.option(
    "--policy", required=True, metavar="POLICY[:K=N…]", help="The policy; what it has after : is the same in all rows."
)
@click.option(
    "--set",
    "settings",
    required=True,
    multiple=True,
    metavar="K=A,B…",
    help="A parameter and its values; may be repeated.",
)
@click.option("--plot", metavar="FILE", help="Draw the makespan there: .svg, .png or .pdf (needs emu[plot]).")
@of_a_comparison
def sweep(policy, settings, plot, **given):
    """Run a workload, or a PROGRAM, under a policy with each combination of its parameters' values.

    `emu policies NAME` lists a policy's parameters. The columns are those of `emu compare`.
    """
    with errors_in_one_line():
        values = _values(settings)
        variants = _variants(policy, values)
        if plot:
            check_writable("--plot", plot)
            _need_matplotlib(plot)
        found = run_comparison(variants, **given)
        if plot:
            from emu.workload.plot import plot_sweep

            plot_sweep(found, policy, values, plot)
            print(f"emu: the plot is {plot}", file=sys.stderr)
    end(found)


def _values(settings):
    """{parameter: [value, …]} of the --set options, in order."""
    from emu.errors import MachineError

    found = {}
    for text in settings:
        name, values = pair("--set", text)
        if name in found:
            raise MachineError(f"--set {name} is given twice, expected once with all its values")
        found[name] = [value.strip() for value in values.split(",")]
        if not all(found[name]) or len(set(found[name])) < len(found[name]):
            raise MachineError(f"--set {text!r}: expected NAME=A,B,… with different values")
    return found


def _variants(policy, values):
    from emu.errors import MachineError
    from emu.machine.config import Config
    from emu.machine.policy_text import policy_and_parameters

    combinations = list(itertools.product(*values.values()))
    if len(combinations) > MOST_VARIANTS:
        raise MachineError(f"{len(combinations)} combinations of parameters: expected {MOST_VARIANTS} at most")
    variants = [":".join([policy, *map("=".join, zip(values, chosen))]) for chosen in combinations]
    for variant in variants:  # a parameter that the policy has not, or a value that it does not take
        name, parameters = policy_and_parameters("--policy", variant)
        Config.make(1, name, parameters=parameters, quiet=True)
    return variants


def _need_matplotlib(plot):
    from importlib.util import find_spec

    from emu.errors import MachineError

    if find_spec("matplotlib") is None:
        raise MachineError("--plot needs matplotlib: pip install 'emu[plot]'")
    if not plot.lower().endswith((".svg", ".png", ".pdf")):
        raise MachineError(f"--plot {plot}: expected a name that ends in .svg, .png or .pdf")
