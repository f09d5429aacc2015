"""Pictures of traces: a bar for each run and wait, rows with names, arrows for wake-ups; and what is refused."""

import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation

from emu import TraceError, draw_timeline
from emu.kernel.sched.recording import WAKE_THREAD
from emu.limits import SERVER
from emu.shm.events import PLACED, WOKEN
from emu.trace.plot import MOST_ROWS
from tests.traces import Story


@pytest.fixture
def story(tmp_path):
    story = Story(tmp_path / "story.trace")
    story.add(0, SERVER, "spawn", 1, a=0).add(1, SERVER, "spawn", 2, a=0)
    story.add(10, 0, "switch", 1, a=10_000).add(60, 0, "block", 1, 50_000)
    story.add(60, 0, "switch", 2, a=59_000)
    story.add(80, 0, "wake", 1, PLACED.pack(cause=WAKE_THREAD), WOKEN.pack(waker=2 + 1))
    story.add(90, 0, "exit", 2, 30_000).add(90, 0, "switch", 1, a=10_000).add(110, 0, "exit", 1, 20_000)
    story.add(100, 0, "host-stall", a=20_000)
    return story


def spans(axes, row):
    """The bars of a row as (start, end, whether it is hatched)."""
    bars = [p for p in axes.patches if isinstance(p, Rectangle) and abs(p.get_y() + p.get_height() / 2 - row) < 0.2]
    return sorted(
        (round(float(p.get_x()), 3), round(float(p.get_x() + p.get_width()), 3), bool(p.get_hatch())) for p in bars
    )


def test_by_thread_there_is_a_bar_for_each_run_wait_and_sleep(story):
    [axes] = draw_timeline(story.trace()).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["1#0", "2#0"]
    # Thread 1 ran from 0 to 50 and from 80 to 100, slept from 50 to 70, and waited from 70 to 80.
    assert spans(axes, 0) == [(0, 50, False), (50, 70, False), (70, 80, True), (80, 100, False)]
    assert spans(axes, 1) == [(0, 50, True), (50, 80, False)]
    assert len([text for text in axes.texts if isinstance(text, Annotation)]) == 1, "thread 2 woke thread 1"


def test_by_cpu_the_bars_are_threads_and_the_hosts_stalls_are_below(story):
    [axes] = draw_timeline(story.trace(), by="cpu").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["CPU 0", "CPU 1"]
    assert spans(axes, 0) == [(0, 50, False), (50, 80, False), (80, 100, False)]
    assert (70, 90, False) in spans(axes, 0.38)


def test_a_stretch_can_be_chosen_and_written(story, tmp_path):
    [axes] = draw_timeline(story.write(), 40, 60, path=tmp_path / "picture.svg").axes
    assert axes.get_xlim() == (40, 60) and "<svg" in (tmp_path / "picture.svg").read_text()


@pytest.mark.parametrize(("options", "words"), [
    ({"by": "lock"}, "expected 'thread' or 'cpu'"),
    ({"path": "/proc/no/such.svg"}, "cannot be written"),
])  # fmt: skip
def test_what_cannot_be_drawn_is_said_in_one_line(story, options, words):
    with pytest.raises(TraceError, match=words):
        draw_timeline(story.trace(), **options)


def test_too_many_rows_are_refused(tmp_path):
    story = Story(tmp_path / "many.trace")
    for thread in range(MOST_ROWS + 1):
        story.add(thread, SERVER, "spawn", thread, a=0)
        story.add(100 + thread, 0, "switch", thread, a=100_000)
        story.add(100.5 + thread, 0, "exit", thread, 500)
    with pytest.raises(TraceError, match=f"{MOST_ROWS + 1} rows of .* are too many"):
        draw_timeline(story.trace())


def test_an_empty_trace_is_an_empty_picture(tmp_path):
    [axes] = draw_timeline(Story(tmp_path / "story.trace").trace()).axes
    assert not axes.patches
