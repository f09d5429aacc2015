"""A Comparison for people: one row for each policy and number of CPUs, and what has to be known to read them."""

from ..tables import duration, share

FIGURES = {  # column -> (figure, how it is written)
    "work ms/s": ("throughput_ms_per_s", lambda x: f"{x:,.0f}"),
    "MIPS": ("mips", lambda x: f"{x:,.0f}"),
    "latency p50": ("p50_ns", duration),
    "p99": ("p99_ns", duration),
    "run delay": ("run_delay_ns", duration),
    "fairness": ("fairness", share),
    "switches": ("switches", lambda x: f"{x:,.0f}"),
    "migrations": ("migrations", lambda x: f"{x:,.0f}"),
    "steals": ("steals", lambda x: f"{x:,.0f}"),
    "host": ("host_withheld_share", lambda x: f"{x:.0%}"),
}


def columns(found):
    """The names of the columns: those for which some row has a figure."""
    several = len({row.cpus for row in found.rows}) > 1
    names = ["policy"] + ["CPUs"] * several + ["runs", "makespan", "95 %", "spread"]
    names += ["speed-up", "efficiency"] * several
    has = {
        name for row in found.rows for trial in row.trials for name, value in trial.figures.items() if value is not None
    }
    return names + [name for name, (figure, _) in FIGURES.items() if figure in has]


def row_of(found, row, names):
    """The cells of a row."""
    runs, wanted = len(row.trials), found.rounds * len(found.seeds)
    cells = {"policy": row.policy, "CPUs": str(row.cpus), "runs": f"{runs}/{wanted}" if row.failures else str(runs)}
    m = row.makespan
    if m is None:
        cells["makespan"] = "failed"
    else:
        cells["makespan"] = duration(m.median)
        cells["95 %"] = f"{duration(m.low)}–{duration(m.high)}" if m.low is not None else ""
        cells["spread"] = f"{m.relative:.0%}" if m.relative is not None else ""
        cells["speed-up"] = f"{row.speedup:.2f}" if row.speedup else "–"
        cells["efficiency"] = f"{row.efficiency:.2f}" if row.efficiency else "–"
    for name, (figure, write) in FIGURES.items():
        value = row.median(figure)
        cells[name] = "" if value is None else write(value)
    return tuple(cells.get(name, "") for name in names)


def notes(found):
    """Sentences for below the table."""
    seeds = f"seed {found.seeds[0]}" if len(found.seeds) == 1 else f"seeds {found.seeds[0]} to {found.seeds[-1]}"
    host, cores = found.host, found.host["cores"]
    lines = [
        f"{found.work}: {found.rounds} rounds, {seeds}; figures are medians, 95 % the bootstrap interval of the "
        "median makespan, spread its (most - least) / median",
        f"host: {cores} cores, load {host['load_before']:.1f} before and {host['load_after']:.1f} after, "
        f"{host['stolen_share']:.1%} of their time stolen by its hypervisor; column host: the share of the CPUs' time "
        "in which they wanted to run and the host had no core for them",
    ]
    beyond = sorted({row.cpus for row in found.rows if row.cpus > cores})
    if beyond and len({row.cpus for row in found.rows}) > 1:
        many = ", ".join(map(str, beyond))
        lines.append(
            f"{many} CPUs share the host's {cores} cores: only throughput is told of them, for a speed-up would be the "
            "host's"
        )
    return lines
