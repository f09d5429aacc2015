"""What stress_policy finds: each kind of mistake in a policy within its seeds, and none in policies that have none."""

import pytest

from emu.actor.policies import BUILTIN
from emu.testing import must_fail, stress_policy
from tests.policies import APPENDS, FIFO, PICKS

SEEDS = 20

STEALS = """

@hook
def balance(m, me, attempt):
    if attempt > 2:
        return -1
    for queue in range(m.nr_cpus):
        if queue != me and m.queues[queue].nr_runnable > 0:
            return queue
    return -1
"""
UNLOCKED = STEALS.replace(
    "            return queue\n",
    "            i = pop(m, m.queues[queue])\n"
    "            if i >= 0:\n"
    "                push(m, m.queues[queue], i)\n"
    "            return queue\n",
)
FORGETS = FIFO.replace(APPENDS, f"    if reason == 1 and thread % 3 == 0:\n        return 0\n{APPENDS}")
LAST_IN = FIFO.replace(APPENDS, "    push(m, m.queues[queue], thread)\n")
COUNTS = FIFO.replace(APPENDS, f"    m.queues[queue].policy[TOTAL] += 1\n{APPENDS}").replace(
    PICKS,
    "    i = pop(m, m.queues[queue])\n    if i >= 0:\n        m.queues[queue].policy[TOTAL] -= 1\n    return i\n",
)


@pytest.fixture
def policy(tmp_path):
    def write(text):
        path = tmp_path / "mine.py"
        path.write_text(text.replace("import POLICY,", "import POLICY, push,") + "\nTOTAL = 0\n")
        return str(path)

    return write


def found(path, **options):
    with pytest.raises(AssertionError) as caught:
        stress_policy(path, seeds=SEEDS, **options)
    message = str(caught.value)
    assert "seed " in message and "replay: stress_policy(" in message
    return message


def test_a_balance_that_takes_from_another_queue_without_its_lock(policy):
    message = found(policy(FIFO + UNLOCKED))
    assert any(word in message for word in ("lost: ", "twice: ", "alive: ", "pick", "queue")), message


def test_a_thread_that_the_policy_forgets(policy):
    found(policy(FORGETS + STEALS))


def test_a_pick_that_starves_an_equal_thread(policy):
    assert "unfair: of 600 turns" in found(policy(LAST_IN))


def test_a_charge_that_is_given_and_not_taken_back(policy):
    """A thread that is taken out without running keeps its part of the total."""
    message = found(policy(COUNTS + STEALS), balanced=["TOTAL"])
    assert "charge: word 0 of queue" in message


def test_the_same_policies_without_their_mistakes_pass(policy):
    stress_policy(policy(FIFO + STEALS), seeds=2)


@pytest.mark.parametrize("name", BUILTIN)
def test_the_built_in_policies_pass(name):
    stress_policy(name, seeds=1, cpus=(2,), first_seed=1)


@pytest.mark.parametrize("options", [{"seeds": 0}, {"cpus": ()}, {"cpus": (1,)}])
def test_a_run_that_would_find_nothing_is_refused(options):
    with pytest.raises(ValueError, match="needs 1 seed or more and machines of 2 CPUs or more"):
        stress_policy("random", **options)


def test_must_fail_goes_on_until_the_control_has_shown_its_fault():
    def shows_late(attempt):
        assert attempt < 3, "shown"

    assert str(must_fail(shows_late)).startswith("shown")
    with pytest.raises(AssertionError, match="control sound showed no violation in 4 attempts"):
        must_fail(sound, attempts=4)


def sound(attempt):
    return False
