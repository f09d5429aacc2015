"""The picture of Perfetto's user interface in docs/perfetto.md: a real machine's trace, one wake-up selected.

    python -m docs.generate.perfetto     # draws docs/perfetto.png anew, with a headless Chromium

Every run of a machine is another one, so the picture is no test's business: it is drawn anew when the export changes.
"""

import os
import tempfile
from pathlib import Path

from emu import Machine
from emu.trace.file import read_trace
from emu.trace.output import nameless_file
from emu.trace.perfetto.export import export
from emu.trace.perfetto.view import View
from tests.browser import headless_browser
from tests.perfetto_page import ask, open_page

PICTURE = Path(__file__).resolve().parents[1] / "perfetto.png"
WIDTH, HEIGHT = 1500, 1150
AROUND_NS = 300_000  # what is to be seen before and after the wake-up
# A thread that another one woke: best one whose wait is seen whole, and of these the one nearest to the middle.
WAKE_UP = """
    select sched.id, sched.ts from thread_state woken
    join sched on sched.utid = woken.utid and sched.ts = woken.ts + woken.dur
    join thread_state waker on waker.id = woken.waker_id
    order by woken.dur between 20000 and 250000 and sched.dur > 50000 desc,
        abs(sched.ts - (select (start_ts + end_ts) / 2 from trace_bounds)) limit 1
"""
SHOW = """
    const [id, start, end, done] = arguments;
    const open = (node) => { node.expand(); node.children.forEach(open); };
    for (const group of (app.trace.currentWorkspace || app.trace.workspace).children)
        if (/CPU Scheduling|locking/.test(group.name)) open(group);
        else if (/^emu/.test(group.name)) { group.expand(); }
    app.trace.timeline.setViewportTime(BigInt(start), BigInt(end));
    app.trace.selection.selectSqlEvent('sched_slice', id);
    setTimeout(done, 3000);  // the page draws what it has asked for
"""


def record(path):
    output = os.open(os.devnull, os.O_WRONLY)
    with Machine(2, "inko", seed=1, trace=path, stdout=output, quiet=True) as machine:
        machine.spawn("locking", 3, 20_000)
        machine.run()
    os.close(output)


def draw(picture):
    with tempfile.TemporaryDirectory() as folder, nameless_file() as file:
        record(os.path.join(folder, "trace"))
        export(read_trace(os.path.join(folder, "trace")), file)
        file.flush()
        with View(file.fileno()) as view, headless_browser(WIDTH, HEIGHT) as browser:
            open_page(browser, view.address)
            [[slice_id, time_ns]] = ask(browser, WAKE_UP)
            browser.execute_async_script(SHOW, slice_id, time_ns - AROUND_NS, time_ns + AROUND_NS)
            browser.save_screenshot(str(picture))


if __name__ == "__main__":
    draw(PICTURE)
