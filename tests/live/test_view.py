"""`emu top` without a terminal: what keys do, that everything fits 80 columns, and that sorting and filters hold."""

import pytest

from emu.kernel.thread.states import BLOCKED, RUNNABLE, SLEEP_TIME
from emu.live.parts import COLUMNS, short
from emu.live.sample import Rates, take
from emu.live.view import View
from tests.live.test_sample import S, add_thread, still

NAMES = (b"alpha", b"beta", b"Gamma", b"delta", b"\x1b[2Jevil")


@pytest.fixture
def view(window):
    """A view of five threads; of alpha to delta each has had more time than the one before."""
    m, inspector = window.machine, still(window)
    for i, name in enumerate(NAMES):
        add_thread(m, i, RUNNABLE if i % 2 else BLOCKED, name, sleep=1 << 8 | SLEEP_TIME, queued_ns=inspector.at_ns)
    before = take(inspector)
    inspector.at_ns += S
    for i in range(4):
        m["threads"][i]["runtime_ns"] += (i + 1) * S // 10
    m["threads"]["migrations"][1] = 99
    view = View(inspector)
    view.update(Rates(before, take(inspector)))
    return view


def names(view, width=80, height=24):
    """The names of the threads that are shown, in order; None while there is no table."""
    lines = [text for text, _ in view.lines(width, height)]
    at = next(n for n, text in enumerate(lines) if "WAITS" in text)
    column = lines[at].index("NAME") - (lines[at].index("NAME") > 0 and lines[at][lines[at].index("NAME") - 1] == "*")
    return [line[column : column + 15].strip() for line in lines[at + 1 : -1] if line.strip()]


def chosen(view):
    return next(text for text, style in view.lines(80, 24) if style == "selected")


def test_threads_are_sorted_by_the_time_they_had_and_by_what_a_key_says(view):
    assert names(view)[:4] == ["delta", "Gamma", "beta", "alpha"]
    view.press("M")
    assert names(view)[0] == "beta"
    view.press("N")
    assert names(view)[:4] == ["alpha", "beta", "Gamma", "delta"]
    view.press("I")
    assert names(view)[1:5] == ["delta", "Gamma", "beta", "alpha"]
    view.press("P")
    for _ in range(len(COLUMNS)):
        view.press(">")
    assert view.sort == "CPU%"
    view.press("<")
    assert view.sort == "CPU" and "*CPU" in "".join(text for text, style in view.lines(80, 24) if style == "head")


def test_every_line_fits_and_names_move_no_terminal(view):
    for width, height in ((80, 24), (40, 10), (200, 60), (20, 5), (1, 1)):
        for page in ("threads", "locks", "help"):
            view.page = page
            lines = view.lines(width, height)
            assert len(lines) == max(height, 1) and all(len(text) <= width for text, _ in lines)
            assert all(text.isprintable() for text, _ in lines)
    view.page = "threads"
    assert "?[2Jevil" in names(view)


def test_a_search_chooses_and_a_filter_hides(view):
    for key in "/BET":
        view.press(key)
    assert "beta" in chosen(view) and view.lines(80, 24)[-1][0].startswith("search: BET_")
    view.press("enter")
    assert view.lines(80, 24)[-1][0].startswith("F1 Help")
    for key in ("\\", "t", "a", "enter"):
        view.press(key)
    assert names(view) == ["delta", "beta"]
    for key in ("F4", "x", "backspace", "backspace"):
        view.press(key)
    assert names(view) == ["delta", "beta"]
    view.press("escape")
    assert len(names(view)) == 5
    for key in ("F4", *"nobody"):
        view.press(key)
    assert any("no thread is named like 'nobody'" in text for text, _ in view.lines(80, 24))


def test_the_chosen_thread_stays_chosen_while_the_order_changes(view):
    view.press("down")
    assert "Gamma" in chosen(view)
    view.press("I")
    assert "Gamma" in chosen(view)
    view.press("end")
    last = chosen(view)
    view.press("down")
    assert chosen(view) == last
    view.press("home")
    assert chosen(view) != last


def test_frozen_figures_stay_and_other_keys_do_nothing(view):
    before = view.lines(80, 24)
    view.press(" ")
    view.inspector.at_ns += S
    view.update(Rates(view._rates.after, take(view.inspector)))
    frozen = view.lines(80, 24)
    assert any("frozen" in text for text, _ in frozen) and names(view)[:4] == ["delta", "Gamma", "beta", "alpha"]
    view.press(" ")
    for key in ("", "x", "F12", "é", "escape"):
        view.press(key)
    assert view.lines(80, 24) == before
    view.press("h")
    assert any("sort by the next column" in text for text, _ in view.lines(80, 24))
    view.press("q")
    assert not view.quit, "any key leaves the help"
    view.press("q")
    assert view.quit


def test_more_cpus_and_threads_than_lines_leave_room_for_both(window):
    m, inspector = window.machine, still(window)
    m["nr_cpus"] = 64
    for i in range(500):
        add_thread(m, i, RUNNABLE, b"many", queue=i % 64)
    view = View(inspector)
    view.update(Rates(take(inspector), take(inspector)))
    lines = [text for text, _ in view.lines(80, 24)]
    assert sum(text.startswith("CPU ") for text in lines) >= 10 and any("more CPUs" in text for text in lines)
    assert names(view) == ["many"] * 4
    view.press("page down")
    assert view.lines(80, 24)[-2][0].split()[1] == "5", "a page on"
    view.press("end")
    assert view.lines(80, 24)[-2][0].split()[1] == "500"


def test_numbers_are_short():
    assert [short(n) for n in (0, 7, 999, 1500, 42_000, 3.2e6, 5e9)] == ["0", "7", "999", "1.5k", "42k", "3.2M", "5.0G"]
