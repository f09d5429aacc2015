"""A failure in words: its events in order, those of one line of the source together.

    main        account.c:16  pthread_create(&t[i], 0, deposit, 0);   12 events in pthread_create
      thread 1  account.c:8   int b = balance;                         reads balance (0)

Where another thread goes on there is an empty line, and each thread has a column of its own.  Of a line that does more
than one thing to shared words, all that the program does itself are in words.
"""

from ..world.layout import CALL
from .outcome import DEADLOCK
from .telling import DRAIN, TIME, WORDS, Telling

TEXT_WIDTH = 44
MOST_LINES = 200
MOST_WORDS = 6  # of what one line does


def headline(plan, failure):
    """What happened, in one line."""
    name = plan.program.rsplit("/", 1)[-1]
    return f"{name}: {plan.wrong(failure.outcome)}"


def how_found(failure, simple):
    """By which schedule, and what the simple Outcome of the same failure takes."""
    return (
        f"schedule {failure.number} by {failure.strategy}; {simple.preemptions} preemptions suffice, "
        f"of {failure.outcome.preemptions}"
    )


def told(world, number, outcome):
    """All the lines about a schedule, which a World plays once more: its story, who waits, what was printed."""
    telling = Telling(world, number, outcome.switches)
    lines = story(telling)
    if outcome.kind == DEADLOCK:
        lines += ["", *(line for line in telling.waits if not line.startswith("no deadlock"))]
    if outcome.output:
        lines += ["", *f"output: {outcome.output.decode(errors='replace')}".rstrip().splitlines()]
    return lines


def story(telling):
    """The lines of a Telling."""
    groups = []
    for step in telling.steps:
        where = step.thread, step.kind == DRAIN, step.line and step.line[:2]
        if groups and groups[-1][0] == where:
            groups[-1][1].append(step)
        else:
            groups.append((where, [step]))
    columns = {thread: n for n, thread in enumerate(dict.fromkeys(where[0] for where, _ in groups))}
    names = max((2 * min(columns[step.thread], 8) + len(step.name) for step in telling.steps), default=0)
    places = max((len(_place(steps[0])) for _, steps in groups), default=0)
    lines, before = [], None
    for (thread, *_), steps in groups:
        if before not in (None, thread):
            lines.append("")
        before = thread
        name = "  " * min(columns[thread], 8) + steps[0].name
        lines.append(f"{name:{names}}  {_place(steps[0]):{places}}  {_text(steps[0]):{TEXT_WIDTH}}  {_what(steps)}")
    if len(lines) > MOST_LINES:
        left_out = len(lines) - MOST_LINES
        lines = [*lines[: MOST_LINES // 2], f"… {left_out} lines …", *lines[-MOST_LINES // 2 :]]
    return lines


def _place(step):
    if step.kind == DRAIN:
        return "(its store buffer)"
    if step.kind == TIME:
        return ""
    return f"{step.line.file}:{step.line.line}" if step.line else "(library)"


def _text(step):
    text = step.line.text if step.line else ""
    return text if len(text) <= TEXT_WIDTH else text[: TEXT_WIDTH - 1] + "…"


def _what(steps):
    """What the steps of a line do: in words what the program does itself, and how much libraries' functions do."""
    said = []
    for step in steps:
        if step.called:
            said.append((step.called, None))
        elif step.kind in (CALL, TIME):
            said.append((step.what, ""))
        else:
            said.append((WORDS[step.kind].format(what=step.what, value=_value(step)), ""))
    words, n = [], 0
    while n < len(said):
        what, own = said[n]
        end = n
        while end < len(said) and said[end] == said[n]:
            end += 1
        words.append(what if own is not None else f"{what}()" + (f" ×{end - n}" if end - n > 1 else ""))
        n = end
    return ", ".join(words) if len(words) <= MOST_WORDS else ", ".join(words[:MOST_WORDS]) + ", …"


def _value(step):
    value = step.value & (1 << 64) - 1
    return str(value) if value < 1 << 16 else f"{value:#x}"
