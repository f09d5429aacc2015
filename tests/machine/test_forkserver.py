"""The forkserver outlives its children."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os
import time
from emu.machine import children

BYTES = 64 << 20  # to give them back takes the host a while

def hold(pipe):
    held = bytearray(BYTES)
    with open(pipe.detach(), "wb", closefd=True) as file:
        file.write(b".")
        file.flush()
    time.sleep(1000)

def main():
    started = []
    for _ in range(16):
        ready, theirs = os.pipe()
        started.append(children.start_function("holder", hold, children.Descriptor(theirs)))
        os.close(theirs)
        os.read(ready, 1)
    children.start_forkserver().end()  # it has not been told to end them, nor have they been waited for
    for child in started:
        assert not os.path.exists(f"/proc/{child.pid}"), "a child is left when the forkserver has ended"

if __name__ == "__main__":
    main()
"""


def test_when_it_has_ended_no_child_is_left(warm, tmp_path):
    """Also one that the supervisor does not know of, since a signal came while it was being started."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, path], cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
    assert done.returncode == 0
