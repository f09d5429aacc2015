"""A policy that misbehaves is caught by name, the machine fails cleanly, and nothing hangs."""

import pytest

from emu import MachineError
from tests.policies import APPENDS, FIFO, PICKS

WRONG_THREAD = FIFO.replace(PICKS, "    pop(m, m.queues[queue])\n    return 4000\n")
NO_THREAD_AT_ALL = FIFO.replace(PICKS, "    pop(m, m.queues[queue])\n    return 1 << 40\n")
TWICE = FIFO.replace(PICKS, "    return first(m.queues[queue])\n")
LOSES = FIFO.replace(APPENDS, f"    if thread != 2:\n    {APPENDS}")
NEVER = FIFO.replace(PICKS, "    return -1\n")
NO_QUEUE = FIFO + "\n@hook\ndef select_cpu(m, thread, me, reason):\n    return 33\n"
WRONG_VICTIM = FIFO + "\n@hook\ndef balance(m, me, attempt):\n    return 1000\n"
HANGS = FIFO.replace(PICKS, "    while first(m.queues[queue]) >= 0:\n        pass\n    return -1\n")

CAUGHT_AT_ONCE = {
    "wrong_thread": (WRONG_THREAD, "pick returned thread 4000, which is not runnable on that queue"),
    "no_thread": (NO_THREAD_AT_ALL, "pick returned thread 1099511627776, which is not runnable on that queue"),
    "twice": (TWICE, "pick returned thread"),
    "no_queue": (NO_QUEUE, "select_cpu or balance named queue 33, which does not exist"),
    "wrong_victim": (WRONG_VICTIM, "select_cpu or balance named queue 1000, which does not exist"),
}
CAUGHT_BY_THE_WATCHDOG = {
    "loses": (LOSES, "thread 2 has been runnable for too long and was never picked: "),
    "never": (NEVER, "has been runnable for too long and was never picked"),
    "hangs": (HANGS, "does not return"),
}


def failure(boot, path, seed, patience_s=30):
    with boot(2, str(path), seed=seed, patience_s=patience_s) as machine, pytest.raises(MachineError) as caught:
        machine.spawn("sleepers", 4, 50)  # fails already where an idle CPU's `balance` is wrong
        machine.run(limit_s=60)
    message = str(caught.value)
    assert message.startswith("the machine failed: policy ") and path.name in message and "\n" not in message
    return message


@pytest.mark.system("alux-2")
@pytest.mark.parametrize("name", CAUGHT_AT_ONCE)
def test_a_wrong_answer_is_caught_by_the_core(boot, seed, tmp_path, name):
    text, expected = CAUGHT_AT_ONCE[name]
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    assert expected in failure(boot, path, seed)


@pytest.mark.parametrize("name", CAUGHT_BY_THE_WATCHDOG)
def test_what_shows_with_time_is_caught_by_the_watchdog(boot, seed, tmp_path, name):
    text, expected = CAUGHT_BY_THE_WATCHDOG[name]
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    assert expected in failure(boot, path, seed, patience_s=1.5)


@pytest.mark.system("alux-2")
def test_a_policy_of_the_users_own_runs_programs(boot, seed, tmp_path):
    path = tmp_path / "fifo.py"
    path.write_text(FIFO)
    with boot(2, str(path), seed=seed) as machine:
        job = machine.spawn("locking", 4, 500, 20)
        report = machine.run(limit_s=60)
        assert job.exit_status == 0 and report.leaks == {}
