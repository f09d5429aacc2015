"""Events in words: names for the numbers that the header of their trace explains."""

ADDRESSES = {"address", "mailbox", "completed", "user_thread"}  # of guests; in JSON they are numbers
MOST_SMALL_OBJECTS = 4096  # descriptors, threads: greater ones are addresses
THREADS = {"waker", "by"}  # a thread's index + 1, 0 nobody
NOTHING = {
    "call": 0,
    "object": 0,
    "place": 0,
    "why": 0,
    "cause": 0,
    "failed": 0,
    "waker": 0,
    "by": 0,
}  # not worth a word


def thread_label(trace, event):
    """index#generation and its name, "-" for an event about no thread."""
    return trace.label(int(event["thread"]), int(event["generation"])) if event["thread"] >= 0 else "-"


def time_us(trace, event):
    """Time since the machine was made."""
    return (int(event["time_ns"]) - trace.header["clock"]["boot_ns"]) / 1000


def arguments(trace, event):
    """{name: value} of an event; numbers that have names are those."""
    kind = int(event["kind"])
    if kind >= len(trace.header["kinds"]):
        return {"a": int(event["a"]), "b": int(event["b"])}
    if kind_name(trace, event) == "name":
        return {"is": trace.thread_names.get((int(event["thread"]), int(event["generation"])), "")}
    found = trace.named_values(kind, int(event["a"]), int(event["b"]))
    name = kind_name(trace, event)
    return {
        field: value - 1 if field in THREADS else named_value(trace.header, name, field, value)
        for field, value in found.items()
        if NOTHING.get(field) != value
    }


def kind_name(trace, event):
    names = trace.names()
    kind = int(event["kind"])
    return names[kind] if kind < len(names) else f"kind-{kind}"


def named_value(header, kind, name, value):
    table = table_of(header, kind, name)
    if name not in header["masks"]:
        return table.get(value, value)
    found = [text for bit, text in sorted(table.items()) if value & bit]
    rest = value & ~sum(bit for bit in table if value & bit)
    return "+".join(found + ([hex(rest)] if rest else [])) or 0


def table_of(header, kind, name):
    """{number: its name} of an argument of a kind, empty where its numbers are just that."""
    tables = header["tables"]
    return header["values"].get(tables.get(f"{kind}.{name}") or tables.get(name), {})


def _word(name, value):
    return hex(value) if name in ADDRESSES or (name == "object" and value > MOST_SMALL_OBJECTS) else value


def as_dict(trace, event):
    """For JSON."""
    key = int(event["thread"]), int(event["generation"])
    name = trace.thread_names.get(key)
    return {
        "time_us": time_us(trace, event), "actor": int(event["actor"]),
        "thread": f"{key[0]}#{key[1]}" if key[0] >= 0 else "-", **({"name": name} if name else {}),
        "event": kind_name(trace, event), **arguments(trace, event),
    }  # fmt: skip


def one_line(trace, event):
    """Time, CPU, thread, event, arguments."""
    words = " ".join(f"{name}={_word(name, value)}" for name, value in arguments(trace, event).items())
    actor = trace.actor_name(int(event["actor"])).removeprefix("CPU ")
    thread, kind = thread_label(trace, event), kind_name(trace, event)
    return f"{time_us(trace, event):14.3f} {actor:>10} {thread:>8} {kind:<11} {words}".rstrip()


def brief(trace, event):
    """The same, short, for a sentence."""
    words = ", ".join(f"{name} {_word(name, value)}" for name, value in arguments(trace, event).items())
    thread = f" {thread_label(trace, event)}" if event["thread"] >= 0 else ""
    return (
        f"[{time_us(trace, event):.3f} µs {trace.actor_name(int(event['actor']))} "
        f"{kind_name(trace, event)}{thread}{': ' if words else ''}{words}]"
    )
