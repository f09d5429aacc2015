"""A headless Chromium for tests of what a person opens in a browser: pages that emu writes, Perfetto's interface.

    from tests.browser import browser  # the fixture: one browser for the tests of a module

    def test_a_page(browser, tmp_path):
        browser.get((tmp_path / "page.html").as_uri())
        assert not complaints(browser)

Chromium and its driver are Debian's (`apt-get install chromium chromium-driver`), Selenium speaks to them; where one is
missing, tests skip and say so.  The browser has a fresh profile, keeps to itself what it would tell others, and asks no
name server: every host but this one is unknown to it.
"""

import contextlib
import shutil
import tempfile

import pytest

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)  # fmt: skip
WIDTH, HEIGHT = 1600, 1000
SCRIPT_LIMIT_S = 120


def missing():
    """What stands in the way of a browser, "" nothing."""
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            return f"{program} is not installed (apt-get install chromium chromium-driver)"
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is not installed (pip install selenium)"
    return ""


@contextlib.contextmanager
def headless_browser(width=WIDTH, height=HEIGHT):
    """A Selenium driver of a fresh browser, with its console kept (`complaints`); nothing of it is left afterwards."""
    from selenium import webdriver

    with tempfile.TemporaryDirectory(prefix="emu-browser-", ignore_cleanup_errors=True) as folder:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in (*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={folder}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
        try:
            driver.set_script_timeout(SCRIPT_LIMIT_S)
            yield driver
        finally:
            driver.quit()


@pytest.fixture(scope="module")
def browser():
    """One browser for the tests of a module, each of which goes to its own page."""
    if reason := missing():
        pytest.skip(reason)
    with headless_browser() as driver:
        yield driver


def complaints(driver):
    """What pages have written to the console as errors since the last call."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
