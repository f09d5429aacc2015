"""Settings of the site: `make docs`. Two pages are made anew at each build: from the tests' markers, from headers."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from docs.generate import files, systems  # noqa: E402

(HERE / "systems.md").write_text(systems.page())
(HERE / "files.md").write_text(files.page())

project = "emu"
copyright = "the authors of emu"
extensions = ["myst_parser"]
myst_heading_anchors = 3  # links such as page.md#heading
exclude_patterns = ["_build", "labs/*/*.py"]
html_theme = "furo"
html_title = "emu"
nitpicky = True
