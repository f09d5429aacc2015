"""The report's page in a real browser, opened from the disk: drawn, explored by mouse and keys, with hostile names."""

import re
import struct

import pytest

from emu.limits import SERVER
from emu.shm.events import PLACED, WOKEN
from emu.trace.report.page import write_report
from tests.browser import browser, complaints  # noqa: F401
from tests.trace.random_runs import random_story
from tests.traces import Story

EVIL = ("</script><script", "<img src=x onerr", "alert(1)//'\"<b>")
WAIT_LIMIT_S = 30


def name_thread(story, thread, name):
    first, second = struct.unpack("<qq", name.encode()[:16].ljust(16, b"\0"))
    story.add(0.5, SERVER, "name", thread, a=first, b=second)


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    """A story that is known to the microsecond, and a random one; threads have names, some of them hostile."""
    folder = tmp_path_factory.mktemp("traces")
    story = Story(folder / "story.trace", policy="eevdf")
    for thread, name in ((1, "worker"), (2, "waker"), (3, EVIL[0])):
        name_thread(story, thread, name)
        story.add(thread, SERVER, "spawn", thread, a=0, b=1)
    story.add(10, 0, "switch", 2, a=8_000).add(100, 0, "switch", 3, a=0)
    story.rings[0].pop()
    story.add(20, 1, "switch", 1, a=19_000, b=0).add(120, 1, "block", 1, a=100_000, b=1 | 99 << 8 | 0xABC0 << 24)
    story.add(400, 0, "wake", 1, a=PLACED.pack(queue=1, place=2, cause=1), b=WOKEN.pack(old_queue=1, waker=3, call=99))
    story.add(430, 1, "host-stall", a=20_000).add(450, 1, "switch", 1, a=50_000, b=1)
    story.add(900, 0, "preempt", 2, a=890_000, b=100_000 | 1 << 36).add(910, 0, "switch", 3, a=907_000)
    story.end(1000).write()
    random = random_story(folder / "random.trace", 5, steps=3000)
    for thread, name in enumerate(EVIL):
        name_thread(random, thread, name)
    random.write()
    return folder


@pytest.fixture(scope="module")
def pages(traces):
    for name in ("story", "random"):
        write_report([traces / f"{name}.trace"], traces / f"{name}.html")
    write_report([traces / "story.trace", traces / "random.trace"], traces / "both.html")
    return traces


@pytest.fixture
def opened(browser, pages):  # noqa: F811
    def open_page(name):
        browser.get((pages / f"{name}.html").as_uri())
        settle(browser)
        return browser

    yield open_page
    assert complaints(browser) == []


def settle(driver):
    """Until everything that was asked for is drawn."""
    driver.execute_async_script("""
        const done = arguments[0];
        const look = () => requestAnimationFrame(() => requestAnimationFrame(() => {
          const busy = page.view.asked || page.chunks.opening.size || page.timelines.some((t) => t.pending);
          busy ? setTimeout(look, 5) : done();
        }));
        look();""")


def text(driver, selector):
    return driver.execute_script("return document.querySelector(arguments[0]).textContent", selector)


def press(driver, keys):
    from selenium.webdriver import ActionChains

    ActionChains(driver).send_keys(keys).perform()
    settle(driver)


def focus(driver, side=0):
    driver.execute_script("page.timelines[arguments[0]].canvas.focus()", side)


def hover(driver, time_us, cpu):
    """What the page says of a time (from the first event on) on a CPU's row, under the mouse."""
    from selenium.webdriver import ActionChains

    driver.execute_script("document.querySelector('.runs').scrollIntoView({block: 'center'})")
    x, y, width, height = driver.execute_script("""
        const t = page.timelines[0], c = t.canvas;
        const x = t.view.x(arguments[0], c.clientWidth), y = t.rowTop(arguments[1]) + t.lane / 2;
        return [x, y, c.clientWidth, c.clientHeight];
        """, time_us * 1000, cpu)  # fmt: skip
    canvas = driver.find_element("css selector", ".runs")
    ActionChains(driver).move_to_element_with_offset(canvas, round(x - width / 2), round(y - height / 2)).perform()
    settle(driver)
    return text(driver, "#tip")


def test_a_page_shows_its_timeline_and_figures(opened):
    driver = opened("story")
    assert "eevdf" in text(driver, "#summary") and "2 CPUs" in text(driver, "#summary")
    assert text(driver, ".replay code").startswith("EMU_SEED=1 ") or "--seed 1" in text(driver, ".replay code")
    colours = driver.execute_script("""
        const c = page.timelines[0].canvas, d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        const found = new Set(); for (let k = 0; k < d.length; k += 4) found.add(d[k] + ',' + d[k+1] + ',' + d[k+2]);
        return [...found];""")
    assert {"0,114,178", "230,159,0", "0,158,115"} <= set(colours), "a colour for each thread"
    assert "Worst wake-ups" in text(driver, "#wakes") and "worker" in text(driver, "#wakes")
    assert "30 µs" in text(driver, "#wakes table"), "50 µs less the 20 of the host"
    assert "futex 0xabc0" in text(driver, "#locks") and "waker" in text(driver, "#locks")


def test_hovering_tells_why(opened):
    driver = opened("story")
    said = hover(driver, 600, 1)
    assert "worker ran on CPU 1" in said
    assert re.search(r"Woken by 2#0:waker on CPU 0 in futex\(\) after 280 µs asleep on futex 0xabc0 in futex\(\)", said)
    assert "it stays where it was" in said
    assert "Run delay 50 µs in the queue of CPU 1, of which the host took 20 µs" in said
    said = hover(driver, 50, 1)
    assert "Stolen: this CPU took it from the queue of CPU 0" in said and "Went to sleep on futex 0xabc0" in said
    said = hover(driver, 500, 0)
    assert "Preempted: its time slice was over (its slice was 100 µs)" in said
    assert "idle" in hover(driver, 300, 1)
    assert "Host stall of 20 µs" in hover(driver, 420, 1)


def test_zoom_and_move_by_wheel_buttons_and_keys(opened):
    driver = opened("random")
    span = driver.execute_script("return page.view.span")
    driver.find_element("id", "zoom-in").click()
    settle(driver)
    assert driver.execute_script("return page.view.span") == pytest.approx(span / 2)
    driver.execute_script("""page.timelines[0].canvas.dispatchEvent(
        new WheelEvent('wheel', {deltaY: -500, clientX: 700, bubbles: true, cancelable: true}))""")
    settle(driver)
    assert driver.execute_script("return page.view.span") < span / 4
    focus(driver)
    start = driver.execute_script("return page.view.start")
    from selenium.webdriver import Keys

    press(driver, Keys.ARROW_RIGHT)
    assert driver.execute_script("return page.view.start") > start
    press(driver, "++++++++++++++++++++++++++++++++")
    assert driver.execute_script("return [page.view.span, page.timelines[0].drawn]") == [200, "runs"]
    press(driver, "0")
    assert driver.execute_script("return page.view.span") == pytest.approx(span)
    assert "to" in text(driver, "#range")


def test_dragging_moves(opened):
    from selenium.webdriver import ActionChains

    driver = opened("random")
    driver.execute_script("page.view.zoom(0.1)")
    settle(driver)
    start = driver.execute_script("return page.view.start")
    canvas = driver.find_element("css selector", ".runs")
    ActionChains(driver).move_to_element(canvas).click_and_hold().move_by_offset(-200, 0).release().perform()
    settle(driver)
    assert driver.execute_script("return page.view.start") > start


def test_search_finds_a_thread_and_goes_through_its_runs(opened):
    from selenium.webdriver import Keys

    driver = opened("random")
    press(driver, "/")
    assert driver.execute_script("return document.activeElement.id") == "search"
    press(driver, "2#0")
    assert driver.execute_script("return document.querySelectorAll('#matches li').length") == 1
    press(driver, Keys.ENTER)
    found = driver.execute_script("return page.traces[0].threads.name[page.found]")
    assert found.startswith("2#0")
    seen = []
    for _ in range(3):
        press(driver, "n")
        driver.execute_async_script("""const s = page.timelines[0].selected;
            page.timelines[0].runs.get(s.cpu, s.k).then((t) => arguments[0]());""")
        seen.append(text(driver, "#detail").splitlines()[0])
    assert len(set(seen)) == 3 and all(said.startswith(found) for said in seen)
    press(driver, Keys.ESCAPE)
    assert driver.execute_script("return page.found") == -1


def test_keys_alone_go_from_run_to_run(opened):
    driver = opened("story")
    focus(driver)
    press(driver, "]")
    first = text(driver, "#detail")
    press(driver, "]")
    assert "ran on CPU" in first and text(driver, "#detail") != first
    press(driver, "?")
    assert driver.execute_script("return document.getElementById('help').open")


def test_a_wake_up_in_the_table_leads_to_its_place(opened):
    driver = opened("random")
    driver.execute_script("document.querySelector('#wakes td button').click()")
    settle(driver)
    row = driver.execute_script("return page.traces[0].worst[0]")
    start, end = driver.execute_script("return [page.view.start, page.view.end]")
    assert start <= row["start"] and row["end"] <= end
    assert "Woken" in text(driver, "#detail")


@pytest.mark.parametrize("width", [1280, 800])
def test_light_and_dark_and_narrow_pages_fit(opened, width):
    driver = opened("both")
    size = driver.get_window_size()
    driver.set_window_size(width, 900)
    try:
        settle(driver)
        assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        before = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        driver.find_element("id", "theme").click()
        settle(driver)
        assert driver.execute_script("return getComputedStyle(document.body).backgroundColor") != before
    finally:
        driver.set_window_size(size["width"], size["height"])


def test_hostile_names_are_text(opened):
    driver = opened("random")
    assert driver.execute_script("return document.querySelectorAll('img, b:not(.number b)').length") == 0
    assert EVIL[0][:16] in text(driver, "#threads")
    assert EVIL[2].replace(" ", "_")[:16] in text(driver, "#legend")


def test_two_traces_stand_side_by_side_on_the_same_axes(opened):
    driver = opened("both")
    assert driver.execute_script("return page.timelines.length") == 2
    assert driver.execute_script("return new Set(page.timelines.map((t) => t.view)).size") == 1
    tops = driver.execute_script("return page.timelines.map((t) => t.canvas.getBoundingClientRect().top)")
    assert tops[0] == tops[1]


def test_figures_on_the_page_are_those_of_the_trace(opened):
    driver = opened("story")
    states = driver.execute_script("return page.traces[0].states")
    per_bin = 1_000_000 / len(states["running"])
    ran_ns = sum(states["running"]) * per_bin
    assert ran_ns == pytest.approx(890_000 + 100_000 + 550_000 + 90_000, rel=0.01)
    runs = driver.execute_async_script("""page.timelines[0].runs.get(1, 0).then((t) => arguments[0](
        [...t.start].map((s, k) => [s, t.end[k]])));""")
    assert runs == [[20_000, 120_000], [450_000, 1_000_000]]


def test_nothing_is_asked_of_any_host(opened):
    driver = opened("both")
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
