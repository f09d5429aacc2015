"""A Report for people: the tables and sentences that `emu run` prints and that a notebook shows."""

from ..tables import html_lines, html_table
from .symbols import printable

CPU_COLUMNS = (
    "CPU", "process", "busy", "switches", "steals", "migrated in", "out",
    "IPIs by bit", "by ZeroMQ", "instructions", "MIPS",
)  # fmt: skip
PROFILE_COLUMNS = ("function", "program", "share", "instructions", "samples")
THREAD_COLUMNS = (
    "thread", "name", "task", "state", "ms on CPUs", "user", "system", "run delay", "slices", "preempted", "migrations",
    "instructions", "faults",
)  # fmt: skip
MOST_THREADS = 40  # rows of the table of threads
MOST_FUNCTIONS = 20  # rows of a profile; the others are one more


def cpu_rows(report):
    """A row for each CPU."""
    return [
        (
            f"{c.cpu} blocking" if c.blocking else str(c.cpu),
            str(c.process), f"{c.busy_share:.0%}", f"{c.switches:,}", f"{c.steals:,}",
            f"{c.migrations_in:,}", f"{c.migrations_out:,}", f"{c.ipis_bit:,}", f"{c.ipis_message:,}",
            f"{c.instructions:,}", f"{c.mips:.0f}",
        )
        for c in report.cpus
    ]  # fmt: skip


def thread_rows(report):
    """A row for each of the threads that ran longest."""
    by_time = sorted(report.threads, key=lambda t: -t.runtime_ns)
    return [
        (
            t.thread, printable(t.name), str(t.task), t.state, f"{t.runtime_ns / 1e6:,.3f}", f"{t.user_ns / 1e6:,.3f}",
            f"{t.system_ns / 1e6:,.3f}", f"{t.run_delay_ns / 1e6:,.3f}", f"{t.slices:,}", f"{t.involuntary:,}",
            f"{t.migrations:,}", f"{t.instructions:,}", f"{t.page_faults:,}",
        )
        for t in by_time[:MOST_THREADS]
    ]  # fmt: skip


def thread_sentences(report):
    """What the table of threads leaves out."""
    others = report.threads[MOST_THREADS:]
    lines = [f"and {len(others):,} more threads, which ran for less"] if others else []
    if report.threads_left_out:
        lines.append(f"{report.threads_left_out:,} threads have left of which only the sums are known")
    return lines


def profile_rows(profile):
    """A row for each of the functions that retired most, and one for all others."""
    shown, others = profile.functions[:MOST_FUNCTIONS], profile.functions[MOST_FUNCTIONS:]
    rows = [(f.function, f.program, f"{f.share:.1%}", f"{f.instructions:,}", f"{f.samples:,}") for f in shown]
    if others:
        share, instructions = sum(f.share for f in others), sum(f.instructions for f in others)
        samples = sum(f.samples for f in others)
        rows.append((f"{len(others):,} others", "", f"{share:.1%}", f"{instructions:,}", f"{samples:,}"))
    return rows


def profile_sentence(profile):
    """What the shares are of, and what is missing."""
    if not profile.samples:
        return f"no sample: the guests retired {profile.instructions:,} instructions, too few for a profile"
    line = f"shares of retired instructions (not of time), from {profile.samples:,} samples"
    if profile.lost_samples:
        line += f"; {profile.lost_samples:,} more found no room, {profile.lost_instructions:,} instructions"
    return line


def sentences(report):
    """What the tables do not say, a sentence a line."""
    lines = [
        f"{report.wall_s:.2f} s, policy {report.policy}, seed {report.seed}; "
        f"threads {report.threads_created} created, {report.threads_exited} exited; "
        f"{report.migrations} migrations, {report.page_faults} page faults, "
        f"{report.instructions:,} instructions",
        f"runnable threads waited {report.run_delay_mean_ns / 1000:,.1f} µs for a CPU on average, "
        f"running ones were preempted {report.involuntary:,} times",
        _host_seconds(report),
    ]
    if report.translation and (report.translation.compiled or report.translation.loaded):
        t = report.translation
        lines.append(
            f"{t.share:.1%} of the instructions were executed translated: {t.loaded:,} regions were known, "
            f"{t.compiled:,}, of {t.guest_instructions:,} instructions, made in {t.translating_s:.2f} host CPU seconds"
        )
    if report.unknown_calls:
        lines.append(f"unknown system calls (answered ENOSYS): {_counted(report.unknown_calls)}")
    if report.failed_calls:
        lines.append(f"calls that failed inside emu: {_counted(report.failed_calls)}")
    if report.thread_limit_hits:
        lines.append(
            f"the limit of {report.max_threads} threads per task refused {report.thread_limit_hits} threads: "
            "raise it with --max-threads"
        )
    if report.upcalls:
        lines.append(f"{report.upcalls:,} upcalls, {report.contexts:,} contexts of user threads handed out")
    for hits, what, name in (
        (report.proc_limit_hits, "user threads blocked with their upcall, since the task had no room for", "threads"),
        (report.group_limit_hits, "groups were refused, since the task may have no more", "groups"),
    ):
        if hits:
            lines.append(f"{hits:,} {what} {name}: raise it with --limit max_{name}_per_proc=N")
    if report.interrupted:
        lines.append(f"interrupted: the guest was killed{'; who waited for what:' if report.waits else ''}")
    return lines


def _host_seconds(report):
    """The host's seconds of every process; those of many CPUs as a sum."""
    cpus = [p for p in report.processes if p.name.startswith("emu-cpu-")]
    each = f" ({', '.join(f'{p.cpu_s:.3f}' for p in cpus)})" if 1 < len(cpus) <= 8 else ""
    others = [f"{p.name.removeprefix('emu-')} {p.cpu_s:.3f}" for p in report.processes if p not in cpus]
    parts = [f"CPUs {sum(p.cpu_s for p in cpus):.3f}{each}", *others]
    withheld = f"; the host had no core for {report.withheld_share:.0%} of the CPUs' time"
    return f"host CPU seconds: {', '.join(parts)}{withheld if report.withheld_share >= 0.005 else ''}"


def _counted(calls):
    return ", ".join(f"{name} ×{count}" for name, count in sorted(calls.items()))


def report_page(report):
    """HTML of a report, for `_repr_html_`."""
    return html_table(CPU_COLUMNS, cpu_rows(report)) + html_lines([*sentences(report), *report.waits])
