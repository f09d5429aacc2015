"""What the debugger shows of locks and of who waits for whom: each function returns lines."""

from .graph import circles, edges
from .locks import contended, held_locks, mutexes_held
from .text import columns, seconds


def locks(inspector):
    """The kernel's locks that are held; mutexes and futexes with their holders and waiters."""
    now_ns = inspector.now_ns()
    kernel = [(lock.name, lock.holder) for lock in held_locks(inspector)]
    rows, named = [], set()
    for lock in contended(inspector):
        named.add(lock.name)
        waiters = ", ".join(inspector.title(i) for i in lock.waiters)
        rows.append((lock.name, _holder(inspector, lock), waiters, seconds(now_ns - lock.since_ns)))
    for k, number, i in mutexes_held(inspector):
        name = f"kernel mutex {number} of task {int(inspector.task(k)['pid'])}"
        if name not in named:
            rows.append((name, inspector.title(i), "nobody", ""))
    return [
        *columns(("kernel lock", "held by"), kernel, "no kernel lock is held"),
        *columns(("lock of guests", "held by", "waited for by", "for"), rows, "no thread waits for a lock"),
    ]


def waits(inspector):
    """Who waits for whom, one a line, and the circles."""
    graph, now_ns, lines = edges(inspector), inspector.now_ns(), []
    for i, wait in graph.items():
        since = seconds(now_ns - int(inspector.thread(i)["queued_ns"]))
        holder = ""
        if wait.holder >= 0:
            holder = f", {'probably ' if wait.likely else ''}held by {inspector.title(wait.holder)}"
            holder = "" if inspector.title(wait.holder) in wait.what else holder
        lines.append(f"{inspector.title(i)} waits for {wait.what}{holder}, for {since}")
    found = circles(graph)
    for circle in found:
        steps = [f"{inspector.title(i)} → {graph[i].what} →" for i in circle]
        likely = any(graph[i].likely for i in circle)
        word = "probably a deadlock" if likely else "deadlock"
        lines.append(f"{word}: {' '.join(steps)} {inspector.title(circle[0])}")
    if not found:
        lines.append("no deadlock: nobody waits for itself, directly or not")
    return lines


def _holder(inspector, lock):
    if lock.holder < 0:
        return "unknown"
    return inspector.title(lock.holder) + (" (probably)" if lock.likely else "")
