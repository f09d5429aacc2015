"""The tool that makes random calls, when it is killed."""

import subprocess
import sys
from pathlib import Path

from tests.processes import children_of, cpus_of, gone, wait_until

ROOT = Path(__file__).resolve().parents[2]


def test_killing_it_leaves_no_process(warm):
    command = [sys.executable, "-m", "tools.fuzz_syscalls", "--native", "--calls", "1000000"]
    tool = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(tool, lambda: cpus_of(tool))
    left = children_of(tool)
    tool.kill()
    tool.wait()
    assert gone(left), left
