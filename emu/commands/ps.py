"""`emu ps`: the machines of this user that run, a line each; with --json an object a line."""

import json

import click

from emu.tables import duration, print_table

COLUMNS = ("pid", "program", "CPUs", "policy", "tasks", "threads", "up", "busy")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON: an object a line.")
def ps(as_json):
    """List the machines of this user that run."""
    found = _machines()
    if as_json:
        for each in found:
            print(json.dumps(each))
    elif not found:
        print("no machine is running")
    else:
        print_table(COLUMNS, [_row(each) for each in found])


def _machines():
    from emu.debug.attach import AttachError, attach_to, running
    from emu.live.figures import machine_figures

    rows = []
    for found in running():
        try:
            rows.append(machine_figures(found, attach_to(found)))
        except AttachError as error:  # it has just ended, or is of another version
            rows.append({"pid": found.pid, "error": str(error)})
    return rows


def _row(each):
    if "error" in each:
        return str(each["pid"]), each["error"].partition(": ")[2], "", "", "", "", "", ""
    names = ", ".join(path.rpartition("/")[2] for path in each["programs"])
    return (
        str(each["pid"]), names, str(each["cpus"]), each["policy"], str(each["tasks"]), str(each["threads"]),
        duration(each["up_s"] * 1e9), f"{each['busy']:.0%}",
    )  # fmt: skip
