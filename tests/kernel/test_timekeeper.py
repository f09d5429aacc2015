"""Messages to the timekeeper, its turns, and alux's interface, with this process playing every actor."""

import threading

import pytest

from emu.abi.errno import EINTR, ERESTARTSYS, ETIMEDOUT
from emu.abi.registers import A0
from emu.kernel import timekeeper
from emu.kernel.ipi import AWAKE, PARKED, begin_park, end_park
from emu.kernel.sched import waking
from emu.kernel.sleep import endings as sleeping
from emu.kernel.sleep.heap import NEVER
from emu.kernel.thread.sleep_word import SLEEP_CLAIMED
from emu.kernel.thread.states import SLEEP_EVENT, SLEEP_FUTEX, SLEEP_TIME, SLEEP_TIMED, STATE_NAMES, WHERE
from emu.limits import (
    EXPIRIES_PER_TURN,
    IPI_RESCHEDULE,
    IPI_STOP,
    IPI_TIMER,
    MAX_TIMEOUTS,
    MESSAGES_PER_TURN,
    RAM_OFFSET,
    SERVER,
    SLACK_NS,
    SUPERVISOR,
    TIMEKEEPER,
    TIMEOUT_RING_MESSAGES,
)
from emu.shm.cpumask import to_words
from emu.testing.checks import check_queues
from tests.kernel import wrappers as hot
from tests.processes import waits_in_hot_code

LATER, FAR = 1 << 60, 1 << 61
SLEEP = SLEEP_TIME | SLEEP_TIMED


class Keeper:
    """A machine record, threads that run on its CPUs, and a word of shared memory to use as a lock."""

    def __init__(self, window):
        self.base, self.machine = window.address, window.machine
        self.threads = self.machine["threads"]
        self.words = window.memory(0).view("int64")
        self.lock = self.base + RAM_OFFSET
        self.pending = self.machine["cpus"][TIMEKEEPER : TIMEKEEPER + 1]["pending"]

    def running(self, cpu=0):
        """A thread that runs on a CPU."""
        i = hot.allocate_thread(self.base, cpu, 0)
        self.threads[i]["affinity"] = to_words(1 << cpu)
        waking.start(self.base, cpu, i)
        assert hot.pick_next(self.base, cpu) == i
        return i

    def state(self, i):
        return STATE_NAMES[WHERE.get(int(self.threads[i]["where"]), "state")]

    def result(self, i):
        return int(self.threads[i]["x"][A0])

    def post(self, actor, number, deadline_ns=LATER):
        """A time-out on word `number` of guest memory, which becomes that sleep's."""
        self.words[number] = number << 8 | SLEEP
        hot.post(self.base, actor, deadline_ns, self.lock + 8 * number, number << 8 | SLEEP, -1)

    def owed(self, actor):
        """The actors that this one owes a message."""
        record = self.machine["cpus"][actor]
        return record["kicked"][: record["kicks"]].tolist()

    def heap(self):
        return self.machine["timeouts"][: int(self.machine["nr_timeouts"])]

    def numbers(self):
        """The numbers of the time-outs in the heap."""
        return sorted(w >> 8 for w in self.heap()["word"].tolist())


@pytest.fixture
def keeper(window):
    keeper = Keeper(window)
    yield keeper
    try:
        check_queues(keeper.machine)
        assert keeper.machine["failed"] == 0
    except AssertionError as error:  # no traceback: it would print records that are unmapped by then
        pytest.fail(str(error), pytrace=False)


# --- rings and turns (inko-3) --------------------------------------------------------------


@pytest.mark.system("inko-3")
def test_a_turn_takes_at_most_its_number_of_messages_and_goes_on_with_the_next_actor(keeper):
    for number in range(1, 101):
        keeper.post(0, number)
    for number in range(101, 121):
        keeper.post(SERVER, number)
    assert MESSAGES_PER_TURN == 64 and hot.take_messages(keeper.base) == 64
    assert keeper.numbers() == list(range(1, 65))
    assert hot.take_messages(keeper.base) == 20 + 36, "the server's were next, then what was left"
    assert keeper.numbers() == list(range(1, 121))
    assert hot.take_messages(keeper.base) == 0 and keeper.machine["timeout_messages"] == 120


@pytest.mark.parametrize("actor", [0, 1, SUPERVISOR, SERVER])
def test_a_ring_is_used_over_and_over(keeper, actor):
    for number in range(1, 300):
        keeper.post(actor, number)
        if number % 50 == 0:
            while hot.take_messages(keeper.base):
                pass
    while hot.take_messages(keeper.base):
        pass
    assert keeper.numbers() == list(range(1, 300))
    assert keeper.machine["timeout_rings"][actor]["head"] == keeper.machine["timeout_rings"][actor]["tail"] == 299


@pytest.mark.system("inko-3")
def test_a_time_out_whose_sleep_is_over_never_gets_into_the_heap(keeper):
    keeper.post(0, 1)
    keeper.words[1] = 0
    hot.count_stale(keeper.base, 1 << 8 | SLEEP)
    assert hot.take_messages(keeper.base) == 1 and keeper.numbers() == []
    assert keeper.machine["stale_timeouts"] == 0


@pytest.mark.system("inko-3")
def test_the_timekeeper_compacts_by_itself(keeper):
    for number in range(1, 101):
        keeper.post(0, number)
    assert timekeeper.keep(keeper.base, TIMEKEEPER) == timekeeper.PARK and len(keeper.heap()) == 100
    for number in range(90, 101):
        keeper.words[number] = 0
        hot.count_stale(keeper.base, number << 8 | SLEEP)
    keeper.machine["cpus"][TIMEKEEPER]["parked"] = AWAKE
    assert timekeeper.keep(keeper.base, TIMEKEEPER) == timekeeper.PARK
    assert keeper.numbers() == list(range(1, 90)) and keeper.machine["compactions"] == 1


def test_due_sleeps_end_in_the_order_of_their_deadlines_a_turns_worth_at_a_time(keeper):
    for number in range(1, 101):
        keeper.post(0, number, 1000 - number)
    while hot.take_messages(keeper.base):
        pass
    assert hot.expire_due(keeper.base, TIMEKEEPER) == EXPIRIES_PER_TURN
    assert keeper.numbers() == list(range(1, 101 - EXPIRIES_PER_TURN))
    assert (keeper.words[101 - EXPIRIES_PER_TURN : 101] == SLEEP_CLAIMED).all()
    assert hot.expire_due(keeper.base, TIMEKEEPER) == 100 - EXPIRIES_PER_TURN
    assert keeper.machine["timeouts_expired"] == 100


def test_a_heap_full_of_valid_time_outs_leaves_messages_where_they_are(keeper):
    keeper.machine["nr_timeouts"] = MAX_TIMEOUTS
    keeper.words[0] = 5
    keeper.machine["timeouts"][0]["address"], keeper.machine["timeouts"][0]["word"] = keeper.lock, 5
    keeper.post(0, 1)
    assert hot.take_messages(keeper.base) == 0 and keeper.machine["timeout_rings"][0]["tail"] == 0
    keeper.machine["nr_timeouts"] = 1
    assert hot.take_messages(keeper.base) == 1


# --- who interrupts the timekeeper ----------------------------------------------------------------


def test_only_an_earlier_deadline_interrupts_a_timekeeper_that_sleeps(keeper):
    assert hot.go_to_sleep(keeper.base, TIMEKEEPER, LATER) == 1
    assert keeper.machine["sleeps_until_ns"] == LATER and keeper.machine["cpus"][TIMEKEEPER]["parked"] == PARKED
    keeper.post(0, 1, LATER + 1)
    keeper.post(0, 2, LATER)
    assert keeper.pending[0] == 0
    keeper.post(0, 3, LATER - 1)
    assert keeper.pending[0] == IPI_TIMER and keeper.owed(0) == [TIMEKEEPER]


def test_nobody_interrupts_a_timekeeper_that_is_awake(keeper):
    for number in range(1, TIMEOUT_RING_MESSAGES + 1):
        keeper.post(0, number, 1)
    assert keeper.pending[0] == 0


def test_a_message_that_came_before_keeps_it_awake(keeper):
    keeper.post(1, 1)
    assert hot.go_to_sleep(keeper.base, TIMEKEEPER, FAR) == 0
    assert keeper.machine["sleeps_until_ns"] == 0 and keeper.machine["cpus"][TIMEKEEPER]["parked"] == AWAKE


def test_a_ring_that_is_half_full_interrupts_it_so_that_a_full_one_never_waits_for_a_sleeper(keeper):
    assert hot.go_to_sleep(keeper.base, TIMEKEEPER, 1) == 1
    for number in range(1, TIMEOUT_RING_MESSAGES // 2 + 1):
        keeper.post(0, number)
    assert keeper.pending[0] == 0
    keeper.post(0, TIMEOUT_RING_MESSAGES // 2 + 1)
    assert keeper.pending[0] == IPI_TIMER


def test_who_finds_its_ring_full_waits_until_a_message_was_taken(keeper):
    for number in range(1, TIMEOUT_RING_MESSAGES + 1):
        keeper.post(0, number)
    poster = threading.Thread(target=keeper.post, args=(0, TIMEOUT_RING_MESSAGES + 1), daemon=True)
    poster.start()
    assert waits_in_hot_code(poster) and keeper.machine["timeout_rings"]["head"][0] == TIMEOUT_RING_MESSAGES
    hot.take_messages(keeper.base)
    poster.join(30)
    assert not poster.is_alive() and keeper.machine["timeout_rings"]["head"][0] == TIMEOUT_RING_MESSAGES + 1


def test_the_timekeeper_sleeps_for_the_earliest_valid_deadline_or_for_ever(keeper):
    assert timekeeper.keep(keeper.base, TIMEKEEPER) == timekeeper.PARK
    assert keeper.machine["sleeps_until_ns"] == NEVER
    assert end_park(keeper.base, TIMEKEEPER, 0) == 0
    keeper.post(0, 1, LATER)
    keeper.post(0, 2, FAR)
    keeper.words[1] = 0
    hot.count_stale(keeper.base, 1 << 8 | SLEEP)
    timekeeper.keep(keeper.base, TIMEKEEPER)
    assert keeper.machine["sleeps_until_ns"] == FAR


def test_an_interrupt_to_stop_and_a_failed_machine_end_its_turns(keeper):
    keeper.pending[0] = IPI_STOP
    assert timekeeper.keep(keeper.base, TIMEKEEPER) == timekeeper.STOPPED
    keeper.machine["failed"] = 1
    assert timekeeper.keep(keeper.base, TIMEKEEPER) == timekeeper.STOPPED
    keeper.machine["failed"] = 0


# --- deadlines, precise and coalesced (alux-3) -----------------------------------------------------


@pytest.mark.system("alux-3")
def test_imprecise_deadlines_are_rounded_up_to_the_slack_and_share_a_wake_up(keeper):
    for cpu, (deadline_ns, precise) in enumerate([(FAR + 1, False), (FAR + SLACK_NS // 2, True)]):
        i = keeper.running(cpu)
        hot.set_timeout(keeper.base, cpu, i, deadline_ns, precise, 0)
        assert hot.block(keeper.base, cpu, i) == 1
        assert keeper.threads[i]["deadline_ns"] == deadline_ns, "what was asked stays known"
    hot.take_messages(keeper.base)
    rounded = -(-(FAR + 1) // SLACK_NS) * SLACK_NS
    assert sorted(keeper.heap()["deadline_ns"].tolist()) == sorted([rounded, FAR + SLACK_NS // 2])


@pytest.mark.system("alux-3")
@pytest.mark.parametrize("slack_ns", [0, 1, 1000, SLACK_NS])
def test_rounding_is_never_down_and_by_less_than_the_slack(keeper, slack_ns):
    keeper.machine["slack_ns"] = slack_ns
    i = keeper.running()
    for deadline_ns in (1, 999, 1000, 1001, SLACK_NS, SLACK_NS + 1, LATER + 7, NEVER):
        rounded = hot.coalesced(keeper.base, i, deadline_ns)
        assert 0 <= rounded - deadline_ns < max(slack_ns, 1) and rounded % max(slack_ns, 1) == 0


@pytest.mark.system("alux-3")
def test_a_thread_may_have_a_slack_of_its_own_and_a_real_time_thread_has_none(keeper):
    i = keeper.running()
    keeper.threads[i]["slack_ns"] = 1000
    assert hot.coalesced(keeper.base, i, 1001) == 2000
    keeper.threads[i]["slack_ns"] = 1
    assert hot.coalesced(keeper.base, i, 1001) == 1001
    keeper.threads[i]["slack_ns"] = 0
    assert hot.coalesced(keeper.base, i, 1001) == SLACK_NS
    keeper.threads[i]["realtime"] = 1
    assert hot.coalesced(keeper.base, i, 1001) == 1001


# --- setTimeout, clearTimeout, and other ends of a sleep (alux-3) --------------------------------------


@pytest.mark.system("alux-3")
@pytest.mark.parametrize("deadline_ns", [0, LATER])
def test_the_lock_is_released_once_the_sleep_is_recorded_and_clear_timeout_wakes(keeper, deadline_ns):
    i = keeper.running()
    hot.acquire(keeper.base, 0, keeper.lock, 5)
    assert keeper.words[0] == 1
    if deadline_ns:
        word = hot.set_timeout(keeper.base, 0, i, deadline_ns, 0, keeper.lock)
    else:
        word = hot.set_infinite_timeout(keeper.base, 0, i, keeper.lock)
    assert keeper.words[0] == 0 and keeper.threads[i]["sleep"] == word
    assert hot.block(keeper.base, 0, i) == 1 and keeper.state(i) == "blocked"
    assert hot.clear_timeout(keeper.base, 1, i) == 1
    assert keeper.state(i) == "runnable" and keeper.result(i) == 0
    assert keeper.machine["stale_timeouts"] == (1 if deadline_ns else 0)
    hot.take_messages(keeper.base)
    assert keeper.machine["stale_timeouts"] == 0 and keeper.numbers() == []


@pytest.mark.system("alux-3")
def test_a_sleeper_that_has_not_left_its_cpu_is_not_missed(keeper):
    i = keeper.running()
    hot.set_infinite_timeout(keeper.base, 0, i, 0)
    assert hot.clear_timeout(keeper.base, 1, i) == 1
    assert hot.block(keeper.base, 0, i) == 0 and keeper.state(i) == "running"


@pytest.mark.system("alux-3")
@pytest.mark.parametrize("reason", [0, SLEEP_FUTEX, SLEEP_TIME, SLEEP_TIME | SLEEP_TIMED])
def test_clear_timeout_wakes_nobody_who_sleeps_otherwise(keeper, reason):
    i = keeper.running()
    word = hot.sleep(keeper.base, i, reason) if reason else 0
    assert hot.clear_timeout(keeper.base, 1, i) == 0 and keeper.threads[i]["sleep"] == word
    keeper.threads[i]["sleep"] = 0


def test_a_time_out_that_comes_first_leaves_clear_timeout_nothing(keeper):
    i = keeper.running()
    hot.set_timeout(keeper.base, 0, i, 1, 1, 0)
    hot.block(keeper.base, 0, i)
    hot.take_messages(keeper.base)
    assert hot.expire_due(keeper.base, TIMEKEEPER) == 1
    assert keeper.result(i) == -ETIMEDOUT and keeper.state(i) == "runnable"
    assert hot.clear_timeout(keeper.base, 1, i) == 0 and keeper.machine["stale_timeouts"] == 0


@pytest.mark.parametrize(
    "reason, result",
    [(SLEEP_EVENT | SLEEP_TIMED, -EINTR), (SLEEP_EVENT, -EINTR), (SLEEP_TIME | SLEEP_TIMED, -ERESTARTSYS)],
)
def test_a_signal_ends_the_sleep_and_its_time_out_is_stale(keeper, reason, result):
    i = keeper.running()
    hot.sleep(keeper.base, i, reason)
    hot.block(keeper.base, 0, i)
    assert sleeping.interrupt(keeper.base, 1, i) == 1
    assert keeper.result(i) == result
    assert keeper.machine["stale_timeouts"] == (1 if reason & SLEEP_TIMED else 0)


def test_a_time_out_that_is_late_for_its_sleep_ends_no_later_one(keeper):
    i = keeper.running()
    hot.set_timeout(keeper.base, 0, i, 1, 1, 0)
    assert hot.clear_timeout(keeper.base, 1, i) == 1 and hot.block(keeper.base, 0, i) == 0
    later = hot.set_infinite_timeout(keeper.base, 0, i, 0)
    hot.take_messages(keeper.base)
    assert hot.expire_due(keeper.base, TIMEKEEPER) == 0 and keeper.threads[i]["sleep"] == later
    keeper.threads[i]["sleep"] = 0


@pytest.mark.parametrize("policy_cpu", [0, 1])
def test_who_slept_on_a_busy_cpu_goes_back_to_its_queue_not_to_the_global_one(keeper, policy_cpu):
    """A CPU looks at the global queue only when it has nothing else, so nobody else would run it (policy inko)."""
    i = keeper.running(policy_cpu)
    hot.set_timeout(keeper.base, policy_cpu, i, 1, 1, 0)
    hot.block(keeper.base, policy_cpu, i)
    hot.take_messages(keeper.base)
    hot.expire_due(keeper.base, TIMEKEEPER)
    assert WHERE.get(int(keeper.threads[i]["where"]), "queue") == policy_cpu


def test_a_parked_cpu_is_roused_shortly_before_the_deadline_of_its_sleeper_once(keeper):
    i = keeper.running(1)
    keeper.machine["keeper_spin_ns"] = 1 << 62  # every deadline is near
    hot.set_timeout(keeper.base, 1, i, LATER, 1, 0)
    hot.block(keeper.base, 1, i)
    hot.take_messages(keeper.base)
    assert hot.rouse(keeper.base, TIMEKEEPER, LATER) == 0, "a CPU that is awake needs nothing"
    keeper.machine["roused_ns"] = 0
    begin_park(keeper.base, 1)
    assert timekeeper.keep(keeper.base, TIMEKEEPER) == timekeeper.KICK
    assert keeper.owed(TIMEKEEPER) == [1]
    assert keeper.machine["cpus"][1]["pending"] == IPI_RESCHEDULE and keeper.state(i) == "blocked"
    assert hot.rouse(keeper.base, TIMEKEEPER, LATER) == 0, "once for a deadline"


def test_begin_park_and_the_timekeepers_own_way_to_sleep_are_of_one_protocol(keeper):
    hot.go_to_sleep(keeper.base, TIMEKEEPER, LATER)
    assert end_park(keeper.base, TIMEKEEPER, 0) == 0
    keeper.pending[0] = IPI_TIMER
    assert hot.go_to_sleep(keeper.base, TIMEKEEPER, LATER) == 0 and begin_park(keeper.base, TIMEKEEPER) == 1
