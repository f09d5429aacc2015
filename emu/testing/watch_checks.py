"""Epoll sets and watches of a machine at rest: every list against the truth word of each watch, WATCH.set."""

from ..kernel.files.descriptions import FILE_COUNTER, FILE_EPOLL, FILE_PIPE, FILE_SERVED, FILE_SOCKET

O_ACCMODE, O_RDONLY, O_WRONLY = 3, 0, 1


def check_watches(machine, descriptions):
    """Watches against the lists of sets, descriptions and sources; `descriptions`: those in use."""
    watches, sets = machine["watches"], machine["epoll_sets"]
    free = _chain(watches, "member_next", int(machine["free_watch"]))
    used = set(range(int(machine["fresh_watch"]))) - set(free)
    assert all(watches[w]["set"] == -1 for w in free), "a free watch belongs to a set"
    used_sets = _used_sets(machine, descriptions)
    of_set, of_file, of_source = {}, {}, {}
    for w in used:
        watch = watches[w]
        assert int(watch["set"]) in used_sets, f"watch {w} belongs to no set"
        assert int(watch["description"]) in descriptions, f"watch {w} of a file that is closed"
        of_set.setdefault(int(watch["set"]), set()).add(w)
        of_file.setdefault(int(watch["description"]), set()).add(w)
        for head in _sources(machine, watch):
            of_source.setdefault(head, set()).add(w)
    for s in used_sets:
        e = sets[s]
        assert not e["lock"], f"epoll set {s} is locked"
        assert set(_chain(watches, "member_next", int(e["members"]))) == of_set.get(s, set()), f"members of set {s}"
        marked = _chain(watches, "ready_next", int(e["first_ready"]))
        assert set(marked) == {w for w in of_set.get(s, ()) if watches[w]["is_ready"]}, f"marks of set {s}"
        assert int(e["last_ready"]) == (marked[-1] + 1 if marked else 0), f"the last mark of set {s}"
    for d in descriptions:
        first = int(machine["descriptions"][d]["first_watch"])
        assert set(_chain(watches, "sibling_next", first)) == of_file.get(d, set()), f"watches of open file {d}"
    for (kind, n, field, k), expected in of_source.items():
        first = int(machine[kind][n][field])
        assert set(_chain(watches, "next", first, k)) == expected, f"watches in {field} of {kind} {n}"
    for kind, field in (
        ("pipes", "read_watches"), ("pipes", "write_watches"), ("event_counters", "watches"),
        ("epoll_sets", "watches"), ("epoll_sets", "nested"),
    ):  # fmt: skip
        fresh = int(
            machine[{"pipes": "fresh_pipe", "event_counters": "fresh_event_counter"}.get(kind, "fresh_epoll_set")]
        )
        listed = {n for n in range(fresh) if machine[kind][n][field] and _is_used(machine, kind, n)}
        assert listed == {n for each, n, name, _ in of_source if (each, name) == (kind, field)}, f"{field} of {kind}"


def _is_used(machine, kind, n):
    free = {"pipes": "free_pipe", "event_counters": "free_event_counter", "epoll_sets": "free_epoll_set"}[kind]
    return n not in _chain(machine[kind], "next_free", int(machine[free]))


def _used_sets(machine, descriptions):
    """Those of descriptions and of threads that sleep in poll or select; all others have to be free."""
    named = [int(machine["descriptions"][d]["object"]) for d in descriptions
             if machine["descriptions"][d]["kind"] == FILE_EPOLL]  # fmt: skip
    threads = machine["threads"]["poll_set"][: machine["fresh_thread"]].tolist()
    named += [each - 1 for each in threads if each]
    free = _chain(machine["epoll_sets"], "next_free", int(machine["free_epoll_set"]))
    assert sorted(named) == sorted(set(range(int(machine["fresh_epoll_set"]))) - set(free)), "epoll sets in use"
    counters = [int(machine["descriptions"][d]["object"]) for d in descriptions
                if machine["descriptions"][d]["kind"] == FILE_COUNTER]  # fmt: skip
    free = _chain(machine["event_counters"], "next_free", int(machine["free_event_counter"]))
    used = set(range(int(machine["fresh_event_counter"]))) - set(free)
    assert sorted(counters) == sorted(used), "event counters in use"
    return set(named)


def _sources(machine, watch):
    """(records, index, field, link) of the lists in which a watch has to be."""
    record = machine["descriptions"][int(watch["description"])]
    kind, flags, n = int(record["kind"]), int(record["flags"]), int(record["object"])
    if kind == FILE_COUNTER:
        yield "event_counters", n, "watches", 0
    elif kind == FILE_EPOLL:
        yield "epoll_sets", n, "watches", 0
        yield "epoll_sets", int(watch["set"]), "nested", 1
    elif kind in (FILE_PIPE, FILE_SOCKET):
        if kind == FILE_SOCKET or flags & O_ACCMODE != O_WRONLY:
            yield "pipes", n, "read_watches", 0
        output = int(record["output"])
        if output >= 0 and (kind == FILE_SOCKET or flags & O_ACCMODE != O_RDONLY):
            yield "pipes", output, "write_watches", 1
    else:
        assert kind == FILE_SERVED, f"a watch of a file of kind {kind}"


def _chain(records, link, first, k=None):
    """The indices of a list, by its first one + 1."""
    found, n = [], first - 1
    while n >= 0:
        found.append(n)
        following = records[n][link]
        n = int(following if k is None else following[k]) - 1
        assert len(found) <= len(records), f"{link} is a circle"
    assert len(found) == len(set(found)), f"{link} is a circle"
    return found
