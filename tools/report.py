"""`python tools/report.py …` in a checkout is `emu report …` of an installed emu."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # in place of this folder, whose names are the library's, too

from emu.commands.cli import main  # noqa: E402

if __name__ == "__main__":
    main("report")
