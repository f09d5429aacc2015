"""The pictures of docs/reports.md: pages of real runs, as a headless Chromium shows them.

    python -m docs.generate.report_pictures        # writes docs/report_*.png

Times differ from run to run, and so do the pictures; they are made anew when the page looks different.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from docs.generate.files import ROOT
from tests.browser import headless_browser

DOCS = ROOT / "docs"
GUEST = ("locking", "6", "3000", "300")
WIDTH, HEIGHT = 1280, 860
SETTLED = """
const done = arguments[0];
const look = () => requestAnimationFrame(() => setTimeout(() =>
  page.view.asked || page.chunks.opening.size ? look() : done()));
look();
"""


def emu(command, *arguments):
    """Run a tool of this checkout."""
    words = [sys.executable, ROOT / "tools" / f"{command}.py", *arguments]
    subprocess.run(list(map(str, words)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def picture(driver, name, script=""):
    driver.execute_script(script)
    driver.execute_async_script(SETTLED)
    driver.save_screenshot(str(DOCS / f"report_{name}.png"))


def main():
    with tempfile.TemporaryDirectory() as folder, headless_browser(WIDTH, HEIGHT) as driver:
        folder = Path(folder)
        for policy in ("eevdf", "inko"):
            emu("run", "--cpus", 2, "--seed", 1, "--policy", policy, "--trace", folder / f"{policy}.trace", *GUEST)
        emu("report", folder / "eevdf.trace", "-o", folder / "one.html")
        emu("report", folder / "eevdf.trace", folder / "inko.trace", "-o", folder / "both.html")
        driver.get((folder / "one.html").as_uri())
        picture(driver, "page")
        picture(driver, "why", """
            const row = page.traces[0].worst.find((r) => r.waker >= 0) || page.traces[0].worst[0];
            page.goTo(0, row.start, row.end, row.cpu);""")  # fmt: skip
        picture(driver, "figures", "document.querySelector('#latency-part').scrollIntoView()")
        driver.get((folder / "both.html").as_uri())
        picture(driver, "two", "page.turnTheme()")


if __name__ == "__main__":
    main()
