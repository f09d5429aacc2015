"""A picture of a sweep: the median makespan over a parameter's values, with its bootstrap interval (matplotlib)."""

from ..errors import MachineError
from .compare import Comparison


def plot_sweep(found: Comparison, policy: str, values: dict[str, list[str]], path: str) -> None:
    """Write the picture; the file's name says of what kind. MachineError when it cannot be written."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    (first, ticks), *others = values.items()
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    try:
        lines: dict[tuple[str, int], list] = {}
        for row in found.rows:
            parameters = dict(word.split("=", 1) for word in row.policy.removeprefix(f"{policy}:").split(":"))
            name = ", ".join(f"{key}={parameters[key]}" for key, _ in others)
            if row.makespan:
                lines.setdefault((name, row.cpus), []).append((ticks.index(parameters[first]), row.makespan))
        for (name, cpus), points in lines.items():
            y = [m.median / 1e6 for _, m in points]
            ends = [(m.median if m.low is None else m.low, m.median if m.high is None else m.high) for _, m in points]
            below = [middle - low / 1e6 for middle, (low, _) in zip(y, ends)]
            above = [high / 1e6 - middle for middle, (_, high) in zip(y, ends)]
            label = ", ".join([*([name] if name else []), "1 CPU" if cpus == 1 else f"{cpus} CPUs"])
            axes.errorbar([x for x, _ in points], y, [below, above], marker="o", capsize=3, label=label)
        axes.set_xticks(range(len(ticks)), ticks)
        axes.set_xlabel(first)
        axes.set_ylabel("makespan, ms")
        axes.set_ylim(bottom=0)
        axes.set_title(f"{found.work} under {policy}")
        if lines:
            axes.legend()
        figure.savefig(path)
    except OSError as error:
        raise MachineError(f"--plot {path}: cannot be written: {error.strerror}") from None
    finally:
        pyplot.close(figure)
