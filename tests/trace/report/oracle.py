"""What a report must say, computed event by event in plain Python from the rules alone."""

START_KINDS = ("wake", "spawn", "preempt", "yield")


class Oracle:
    """slices (cpu, thread, start, end, how), waits (cpu, thread, start, end, how), sleeps (thread, start, end, …)."""

    def __init__(self, trace):
        self.slices, self.waits, self.sleeps, self.stalls = [], [], [], {}
        names, state = trace.names(), {}
        for event in trace.events:
            name, thread, now = names[event["kind"]], int(event["thread"]), int(event["time_ns"])
            cpu = int(event["actor"])
            if name == "host-stall":
                before = self.stalls.setdefault(cpu, [])
                start = max(now - int(event["a"]), before[-1][1] if before else 0, int(trace.events["time_ns"][0]))
                before.append((start, now))
            if name not in ("switch", "block", "exit", *START_KINDS):
                continue
            what, since, extra = state.pop(thread, (None, 0, None))
            if what == "runs":
                self.slices.append((cpu, thread, since, now, name))
            elif what == "waits":
                self.waits.append((cpu, thread, since, now, extra))
            elif what == "sleeps":
                self.sleeps.append((thread, since, now, *extra))
            if name == "switch":
                state[thread] = ("runs", now, cpu)
            elif name == "block":
                found = trace.named_values(event["kind"], int(event["a"]), int(event["b"]))
                state[thread] = ("sleeps", now, (found["object"], found["call"]))
            elif name != "exit":
                state[thread] = ("waits", now, name)
        self.end = int(trace.events["time_ns"][-1])
        self.open = state

    def stalled(self, cpu, start, end):
        """How much of a span the host took from a CPU."""
        return sum(max(0, min(end, e) - max(start, s)) for s, e in self.stalls.get(cpu, ()))

    def mean(self, spans, start, end):
        """Mean number of the spans [(start, end)] from start to end."""
        return sum(max(0, min(end, e) - max(start, s)) for s, e in spans) / (end - start)
