"""`python -m tests.debug.gdb.campaign N`: N sessions of gdb, one after the other; counts hangs and wrong answers."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.debug.gdb.conftest import Run, build
from tests.debug.gdb.test_session import session


def main(count):
    wrong = hangs = 0
    begin_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        program = build("sixteen", Path(folder))
        for number in range(count):
            run = Run(program)
            try:
                found = session(run, program)
                status, out, _ = run.end()
                if (status, out) != (7, "sum 4520, finished 16\n"):
                    found.append(("the program", "7 and its line", (status, out)))
            except subprocess.TimeoutExpired:
                run.process.kill()
                hangs, found = hangs + 1, []
            wrong += bool(found)
            print(f"{number + 1}: {hangs} hangs, {wrong} wrong, {time.monotonic() - begin_s:.0f} s", *found, flush=True)
    return hangs + wrong


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]))))
