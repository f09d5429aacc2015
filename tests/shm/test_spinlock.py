"""The spinlock by itself: its word, its way out of a failed machine, and the checker of lock order."""

import os
import subprocess
import sys
import threading
from pathlib import Path

from emu.limits import FUTEX_BUCKETS, MAX_QUEUES
from emu.shm.lockrank import BUCKET, FRAMES, MM, RUNQUEUE, TASK, TASKS, THREADS
from tests.processes import waits_in_hot_code
from tests.shm import wrappers as hot


def word(window):
    return int(window.machine["frames_lock"])


def test_the_word_names_the_holder(window):
    hot.acquire(window.address, 3, FRAMES)
    assert word(window) == 4
    hot.release(window.address, 3)
    assert word(window) == 0


def test_field_address_is_where_numpy_finds_the_field(window):
    hot.acquire(window.address, 0, FRAMES)
    at = hot.lock_address(window.address)
    assert hot.load(at, hot.LOADS.index("64")) == 1
    hot.release(window.address, 0)


def test_a_waiter_gets_the_lock_when_it_is_released(window):
    hot.acquire(window.address, 0, FRAMES)
    waiter = threading.Thread(target=hot.acquire, args=(window.address, 1, FRAMES))
    waiter.start()
    assert waits_in_hot_code(waiter) and word(window) == 1
    hot.release(window.address, 0)
    waiter.join(30)
    assert word(window) == 2
    hot.release(window.address, 1)


def test_a_waiter_gives_up_when_the_machine_has_failed(window):
    hot.acquire(window.address, 0, FRAMES)
    waiter = threading.Thread(target=hot.acquire, args=(window.address, 1, FRAMES))
    waiter.start()
    hot.fail(window.address, 5, 0)
    waiter.join(30)
    assert not waiter.is_alive()


def test_the_first_failure_is_kept(window):
    hot.fail(window.address, 5, 17)
    hot.fail(window.address, 6, 18)
    assert window.machine["failed"] == 5 and window.machine["failed_value"] == 17


def test_ranks_do_not_overlap():
    assert TASKS < TASK < MM < BUCKET and BUCKET + FUTEX_BUCKETS <= RUNQUEUE
    assert RUNQUEUE + MAX_QUEUES <= THREADS < FRAMES


CHECKED = """
from emu.shm.lockrank import FRAMES, THREADS
from emu.testing.bare import bare_window
from tests.shm import wrappers as hot
with bare_window() as window:
    hot.acquire(window.address, 0, FRAMES)
    window.machine["frames_lock"] = 0  # so that the second does not wait for the first
    hot.acquire(window.address, 0, THREADS)
    print(int(window.machine["failed"]), int(window.machine["failed_value"]))
with bare_window() as window:
    hot.acquire(window.address, 0, FRAMES)
    hot.release(window.address, 1)
    print(int(window.machine["failed"]), int(window.machine["failed_value"]))
"""


def test_a_checking_build_finds_locks_out_of_order_and_false_releases():
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", CHECKED], cwd=root, env={**os.environ, "EMU_CHECK": "1"},
        capture_output=True, text=True, timeout=250,
    )  # fmt: skip
    assert done.stdout.split() == ["1", str(FRAMES * 10000 + THREADS), "2", "1"], done.stderr
