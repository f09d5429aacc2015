"""Why a thread did at some time what it did, in words: `emu trace FILE --why THREAD@TIME`.

    for line in explain(trace, thread, generation, time_ns): print(line)

What the thread did at that time is one of three things, and each leads on to another thread:

runs    on a CPU: since when, how it came there, and why it will stop
waits   runnable: who made it so and why on that queue, who ran on that CPU meanwhile and how each of them ended, and
        how long the host kept the CPU's process from running at all
sleeps  on what, and who ended that: of a lock this is who released it, so what that thread did meanwhile is explained
        next, from the time on when the sleeper had begun to wait for it

A chain ends where a thread runs, at a time-out or a device, or after MOST_LINKS threads.  All times are of the trace;
nothing is guessed: what the trace does not say is said to be unknown.
"""

import numpy as np

from .causes import place_words, preempt_words, sleep_words, waker_words
from .history import ENDINGS, read_history
from .text import arguments
from .wakers import generations_at, wakers

MOST_LINKS = 6
MOST_OTHERS = 6  # threads that ran meanwhile, the longest
RUNS, WAITS, SLEEPS = "runs", "waits", "sleeps"


def explain(trace, thread, generation, time_ns):
    """Lines of text about one thread at one time, the chain of causes below it."""
    return _Chain(trace).lines(thread, generation, time_ns)


class _Chain:
    def __init__(self, trace):
        self._trace, self._events = trace, trace.events
        self._history = read_history(trace)
        self._wakers = wakers(trace)
        self._boot_ns = trace.header["clock"]["boot_ns"]

    def lines(self, thread, generation, time_ns):
        found, seen = [], set()
        while (thread, generation) not in seen and len(seen) < MOST_LINKS:
            seen.add((thread, generation))
            lines, following = self._link(thread, generation, time_ns)
            indent = "  " * (len(seen) - 1)
            found += [indent + line for line in lines]
            if following is None:
                return found
            thread, generation, time_ns = following
        again = (thread, generation) in seen
        found.append(
            "  " * len(seen) + (f"and so on: {self._label(thread, generation)} again" if again else "and so on")
        )
        return found

    # --- one thread ---------------------------------------------------------------------------------

    def _link(self, thread, generation, time_ns):
        """(lines, the next (thread, generation, time) of the chain or None)."""
        for name, table, words in (
            (RUNS, self._history.slices, self._runs), (WAITS, self._history.waits, self._waits),
            (SLEEPS, self._history.sleeps, self._sleeps),
        ):  # fmt: skip
            mine = (table.thread == thread) & (table.generation == generation)
            here = np.flatnonzero(
                mine & (table.start_ns <= time_ns) & (time_ns < np.maximum(table.end_ns, table.start_ns + 1))
            )
            if len(here):
                k = int(here[-1])
                head = f"{self._label(thread, generation)} {name} at {self._time(time_ns)}"
                return words(table, k, head)
        return [
            f"{self._label(thread, generation)} is not there at {self._time(time_ns)}: {self._life(thread, generation)}"
        ], None

    def _life(self, thread, generation):
        mine = self._events[(self._events["thread"] == thread) & (self._events["generation"] == generation)]
        if not len(mine):
            return "the trace has no event of it"
        return f"its events are from {self._time(mine['time_ns'][0])} to {self._time(mine['time_ns'][-1])}"

    def _runs(self, table, k, head):
        cpu, start, end = int(table.cpu[k]), int(table.start_ns[k]), int(table.end_ns[k])
        lines = [f"{head}, on CPU {cpu}, from {self._time(start)} to {self._time(end)} ({_span(end - start)})"]
        lines += [f"it came there {self._delay(int(table.start_event[k]))}"] if table.start_event[k] >= 0 else []
        lines.append(f"then {self._ended(table, k)}")
        lines += self._stalls(cpu, start, end)
        return lines, None

    def _delay(self, switch):
        event = self._events[switch]
        return f"after it had been runnable for {_span(int(event['a']))}"

    def _ended(self, table, k):
        how = ENDINGS[table.how[k]]
        if table.end_event[k] < 0:
            return "the trace ends" if table.end_ns[k] >= self._history.end_ns else "the trace lacks how that ended"
        event = self._events[int(table.end_event[k])]
        if how == "preempt":
            return f"it is preempted: {preempt_words(self._trace, event, self._label_at)}"
        if how == "block":
            return f"it falls asleep: {sleep_words(self._trace, event, self._label_at)}"
        return {"yield": "it gives way by its own wish", "exit": "it exits"}[how]

    def _stalls(self, cpu, start, end):
        taken = int(self._history.stalls.within(np.array([cpu]), np.array([start]), np.array([end]))[0])
        return [f"of that, the host kept CPU {cpu}'s process off its core for {_span(taken)}"] if taken else []

    def _waits(self, table, k, head):
        start, end, begin = int(table.start_ns[k]), int(table.end_ns[k]), int(table.begin_event[k])
        lines = [f"{head} for a CPU, from {self._time(start)} to {self._time(end)} ({_span(end - start)})"]
        lines += [self._became_runnable(begin)] if begin >= 0 else ["the trace does not say what made it runnable"]
        cpu = self._cpu_of(table, k)
        if cpu is None:
            return [*lines, "it stood in the global queue, from which all CPUs take"], None
        lines += self._moves(table, k)
        lines += self._awakening(cpu, start, end)
        lines += self._meanwhile(cpu, start, end)
        lines += self._stalls(cpu, start, end)
        if table.end_event[k] >= 0:
            ran = int(self._events["actor"][table.end_event[k]])
            lines.append(f"at {self._time(end)} CPU {ran} begins to run it" + self._stolen(table, k, ran, cpu))
        return lines, None

    def _cpu_of(self, table, k):
        """The CPU whose queue it stood in, None for the global queue."""
        queue = int(table.queue[k])
        return queue if queue < self._trace.header["machine"]["cpus"] else None

    def _stolen(self, table, k, ran, cpu):
        return (
            f", which has taken it from the queue of CPU {cpu} (the policy's balance named that queue)"
            if ran != cpu
            else ""
        )

    def _moves(self, table, k):
        stays = self._history.stays
        mine = (stays.thread == table.thread[k]) & (stays.generation == table.generation[k])
        here = np.flatnonzero(mine & (stays.start_ns > table.start_ns[k]) & (stays.start_ns < table.end_ns[k]))
        lines = []
        for stay in here.tolist():
            event = self._events[int(stays.begin_event[stay])]
            words = arguments(self._trace, event)
            why = f": {words['why']}" if "why" in words else ""
            lines.append(
                f"at {self._time(stays.start_ns[stay])} it is moved to the queue of CPU {words.get('queue')}{why}"
            )
        return lines

    def _awakening(self, cpu, start, end):
        """How long a CPU that slept took to be awake: its message, and the host's running of its process."""
        events = self._events
        here = (events["time_ns"] >= start) & (events["time_ns"] <= end)
        awake = events[here & (events["actor"] == cpu) & (events["kind"] == self._trace.kind_number("unpark"))]
        sent = events[here & (events["kind"] == self._trace.kind_number("ipi-message"))]
        sent = sent[self._trace.values(sent, "ipi-message", "target") == cpu]
        if not len(awake) or not len(sent):
            return []
        took = int(awake["time_ns"][0]) - int(sent["time_ns"][0])
        return [f"CPU {cpu} slept when it came, and was awake {_span(max(took, 0))} after it was sent a message"]

    def _became_runnable(self, begin):
        event, kind = self._events[begin], self._trace.names()[self._events["kind"][begin]]
        if kind == "preempt":
            return f"it had been preempted: {preempt_words(self._trace, event, self._label_at)}"
        if kind == "yield":
            return "it had given way by its own wish"
        words = place_words(self._trace, event, kind)
        if kind == "spawn":
            return f"it had been created, {words}"
        return f"it had been woken by {self._waker(begin)}, {words}"

    def _waker(self, wake):
        k = int(np.searchsorted(self._wakers.position, wake))
        return waker_words(self._trace, self._wakers, k, self._label)

    def _meanwhile(self, cpu, start, end):
        """Who ran on a CPU in a span, and how each of them ended."""
        slices = self._history.slices
        here = np.flatnonzero((slices.cpu == cpu) & (slices.end_ns > start) & (slices.start_ns < end))
        spans = np.minimum(slices.end_ns[here], end) - np.maximum(slices.start_ns[here], start)
        if not len(here):
            return [f"nobody ran on CPU {cpu} meanwhile: it was on its way here, or its process did not run"]
        idle = end - start - int(spans.sum())
        lines = []
        for k, span in sorted(zip(here.tolist(), spans.tolist()), key=lambda row: -row[1])[:MOST_OTHERS]:
            label = self._label(int(slices.thread[k]), int(slices.generation[k]))
            lines.append(f"ahead of it: {label} ran on CPU {cpu} for {_span(span)}; then {self._ended(slices, k)}")
        if len(here) > MOST_OTHERS:
            lines.append(f"and {len(here) - MOST_OTHERS:,} more")
        return lines + ([f"CPU {cpu} ran nobody for {_span(idle)} of that"] if idle > 0 else [])

    def _sleeps(self, table, k, head):
        start, end, wake = int(table.start_ns[k]), int(table.end_ns[k]), int(table.wake_event[k])
        on = sleep_words(self._trace, self._events[int(table.block_event[k])], self._label_at)
        lines = [f"{head}, from {self._time(start)} to {self._time(end)} ({_span(end - start)}), {on}"]
        if wake < 0:
            return [*lines, "nobody has woken it before the trace ends"], None
        lines.append(f"at {self._time(end)} it is woken by {self._waker(wake)}")
        at = int(np.searchsorted(self._wakers.position, wake))
        waker = int(self._wakers.thread[at])
        if waker < 0:
            return lines, None
        generation = int(self._wakers.generation[at])
        did = self._sum(waker, generation, start, end)
        lines.append(f"{self._label(waker, generation)} meanwhile {did}")
        longest = self._longest(waker, generation, start, end)
        return lines, (waker, generation, longest) if longest is not None else None

    def _spans(self, thread, generation, start, end):
        """[(what, ns, start)] of a thread's slices, waits and sleeps within a span."""
        found = []
        for name, table in ((RUNS, self._history.slices), (WAITS, self._history.waits), (SLEEPS, self._history.sleeps)):
            mine = (table.thread == thread) & (table.generation == generation)
            here = np.flatnonzero(mine & (table.end_ns > start) & (table.start_ns < end))
            begins = np.maximum(table.start_ns[here], start)
            found += zip([name] * len(here), (np.minimum(table.end_ns[here], end) - begins).tolist(), begins.tolist())
        return found

    def _sum(self, thread, generation, start, end):
        spans = self._spans(thread, generation, start, end)
        sums = [(name, sum(ns for what, ns, _ in spans if what == name)) for name in (RUNS, WAITS, SLEEPS)]
        words = {RUNS: "ran for", WAITS: "waited for a CPU for", SLEEPS: "slept for"}
        return ", ".join(f"{words[name]} {_span(ns)}" for name, ns in sums if ns) or "nothing that the trace shows"

    def _longest(self, thread, generation, start, end):
        """When its longest wait or sleep within a span began; None when it mostly ran."""
        spans = self._spans(thread, generation, start, end)
        ran = sum(ns for what, ns, _ in spans if what == RUNS)
        others = [(ns, at) for what, ns, at in spans if what != RUNS]
        return max(others)[1] if others and max(others)[0] > ran else None

    # --- words --------------------------------------------------------------------------------------

    def _label(self, thread, generation):
        return f"thread {self._trace.label(thread, generation)}"

    def _label_at(self, thread, time_ns):
        """Of a thread's index alone, at a time."""
        generation = int(generations_at(self._trace, np.array([thread]), np.array([time_ns]))[0])
        return self._label(thread, generation)

    def _time(self, time_ns):
        return f"{(int(time_ns) - self._boot_ns) / 1000:.3f} µs"


def _span(ns):
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000)):
        if ns >= size:
            return f"{ns / size:.3f} {unit}"
    return f"{ns / 1000:.3f} µs"
