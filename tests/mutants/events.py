"""Faults in what tells epoll sets, poll and select of news."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

WATCHES, EPOLL, COUNTER, DESCRIPTIONS, PIPE = (
    f"emu/kernel/files/{name}.py" for name in ("watches", "epoll", "event_counter", "descriptions", "pipe")
)
CALLS = "emu/kernel/linux/events.py"
EPOLLS = "tests/litmus/test_epolls.py"
SLEEPS = f"{EPOLLS}::test_a_waiter_does_not_sleep_over_what_comes_between_its_look_and_its_sleep"
PROGRAM = "tests/guests/test_programs.py::test_program_finds_nothing_wrong[epoll-inko-2]"

MUTANTS = [
    Mutant("epoll-no-second-look", CALLS, "    if e.first_ready == 0 and (", "    if (", SLEEPS),
    Mutant("counter-tells-no-watch", COUNTER, "    if e.watches != 0:\n", "    if e.watches < 0:\n", SLEEPS),
    Mutant("pipe-end-tells-no-watch", PIPE, "    if p.read_watches != 0:\n        tell(m, me, p.read_watches, 0, POLLIN | POLLHUP", "    if p.read_watches < 0:\n        tell(m, me, p.read_watches, 0, POLLIN | POLLHUP", SLEEPS),
    Mutant("new-watch-not-looked-at", EPOLL, "    if error == 0:\n        _look_first(m, me, s, w, serial)\n    return error\n\n\n@hot\ndef _look_first", "    return error\n\n\n@hot\ndef _look_first", SLEEPS),
    Mutant("set-in-a-set-tells-nobody", WATCHES, "            if outer >= 0:\n                tell_outer(m, me, outer)\n        w = watch.next[k] - 1\n", "        w = watch.next[k] - 1\n", SLEEPS),
    Mutant("nested-watch-unknown-to-its-set", WATCHES, "        _link(m, w, 0, field_address(e, \"watches\"))\n", "", PROGRAM),
    Mutant("edge-marked-again", EPOLL, "        elif events & EPOLLET == 0:\n", "        else:\n", f"{EPOLLS}::test_by_edge_each_change_is_taken_once"),
    Mutant("level-not-marked-again", EPOLL, "        elif events & EPOLLET == 0:\n            mark(m, me, e, w)\n", "", PROGRAM),
    Mutant("last-close-leaves-watches", DESCRIPTIONS, "    end_watches(m, me, d)\n", "", f"{EPOLLS}::test_after_the_last_close_no_event_comes_of_a_file"),
    Mutant("killed-waiter-keeps-the-wake-up", DESCRIPTIONS, "            pass_on(m, me, m.descriptions[d].object)\n", "            pass\n", f"{EPOLLS}::test_a_woken_thread_that_does_not_look_passes_the_wake_up_on"),
    Mutant("what-is-left-wakes-nobody", EPOLL, "        wake_one(m, me, e)  # for what is left", "        pass  # for what is left", PROGRAM),
    Mutant("fault-loses-events", CALLS, "            put_back(m, me, s, whole, n)\n", "", PROGRAM),
    Mutant("poll-keeps-its-set", DESCRIPTIONS, "    if t.poll_set != 0:\n        end_poll_set(m, me, i)\n", "", PROGRAM),
    Mutant("deadline-begins-anew", CALLS, "    deadline_ns = t.resume_deadline_ns\n    if deadline_ns == 0:\n", "    deadline_ns = 0\n    if deadline_ns == 0:\n", PROGRAM),
    Mutant("counter-is-lost-with-its-page", CALLS, "        if error != 0 and m.cpus[me].missing != 0:  #", "        if False:  #", "tests/guests/test_mapped_files.py::test_mappings_of_mounted_files_are_as_those_of_the_machines_own[1]"),
]  # fmt: skip
