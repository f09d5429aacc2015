"""A world plays schedules that are the same whenever they have the same number, and leave nothing to the next one."""

import pytest

from emu.abi.syscall_numbers import NUMBERS
from emu.explore import campaign
from emu.explore.campaign import Plan
from emu.explore.outcome import DEADLOCK, EXITED, FAILED, KILLED, LIVELOCK
from emu.explore.profiles import profile
from emu.explore.strategies import Strategy
from emu.explore.world import ExploreError, World
from emu.world.layout import CALL
from emu.world.strategies import pct, pos, random_walk

SCHEDULES = 60


def digests(world, numbers, strategy=random_walk):
    return [(o.digest, o.kind, o.value, o.output) for o in (world.run(n, strategy) for n in numbers)]


def prepared(program, *arguments, **options):
    world = World(program, arguments, **options)
    profile(world)
    return world


def test_a_schedule_is_the_same_in_every_order_and_in_another_world(built):
    numbers = range(SCHEDULES)
    with prepared(built("account")) as one, prepared(built("account")) as other:
        assert one.shared == other.shared
        first = digests(one, numbers)
        assert digests(one, reversed(numbers)) == first[::-1]
        assert digests(other, numbers) == first
        assert len({digest for digest, *_ in first}) > SCHEDULES // 2


def test_another_seed_plays_other_schedules(built):
    with prepared(built("account"), seed=1) as one, prepared(built("account"), seed=2) as other:
        assert digests(one, range(5)) != digests(other, range(5))


def test_what_only_one_thread_uses_is_not_shared(built):
    """`balance` and `lock` are; of the words that were looked at, most are not."""
    with World(built("account")) as world:
        profile(world)
        looked_at = int(world.record["nr_noted"])
        assert 0 < len(world.shared) < looked_at / 4


@pytest.mark.parametrize(
    ("how", "kind", "value", "words"),
    [
        ("", EXITED, 0, "exit status 0"),
        ("three", EXITED, 3, "exit status 3"),
        ("leave", EXITED, 0, "exit status 0"),
        ("abort", KILLED, 6, "killed by SIGABRT"),
        ("crash", KILLED, 11, "SIGSEGV: store to memory that is not writable (address 0x8)"),
        ("spin", LIVELOCK, None, "it did not end within"),
        ("wait", DEADLOCK, 0, "no thread can go on"),
        ("assert", FAILED, None, "emu_assert(flag == 1)"),
    ],
)
def test_it_says_how_a_schedule_ended(built, how, kind, value, words):
    with prepared(built("ends"), how, max_steps=3000) as world:
        outcome = world.run(1, random_walk)
        assert outcome.kind == kind and words in outcome.words
        assert value is None or outcome.value == value


def test_what_the_system_server_does_in_a_schedule_is_undone_too(built):
    """The file that the program appends to has one byte in every schedule."""
    with prepared(built("ends"), "file") as world:
        found = {(o.kind, o.output) for o in (world.run(n, random_walk) for n in range(5))}
        assert found == {(EXITED, b"1 bytes\n")}
        assert digests(world, range(3)) == digests(world, range(3))


def test_a_program_without_a_second_thread_is_refused():
    with pytest.raises(ExploreError, match="hello: it ended before it made a second thread: exited 0"):
        World("hello")


def test_a_sleeper_may_wake_before_others_do_anything_unless_time_is_patient(built):
    """It sleeps for a second, in which the other thread has long finished, or not: a host may hold that up."""
    with prepared(built("deadlock"), "naps") as world:
        kinds = {world.run(n, strategy).kind for n in range(SCHEDULES) for strategy in (random_walk, pos, pct)}
        assert kinds == {EXITED, DEADLOCK}
    with prepared(built("deadlock"), "naps", patient=True) as world:
        kinds = {world.run(n, strategy).kind for n in range(SCHEDULES) for strategy in (random_walk, pos, pct)}
        assert kinds == {EXITED}


def test_exploring_begins_where_the_program_says(built):
    """The threads are there, and wait: their creation is no part of any schedule."""
    with prepared(built("orders")) as world:
        outcome = world.run(0, random_walk)
        assert outcome.kind == EXITED and outcome.steps < 60
        assert int(world.record["nr_threads"]) == 3


PRIORITY = {0: 0, 1: 3, 2: 2, 3: 1}  # of the threads of teach_priority_inversion, by index


def respects_priorities(decision):
    """Whether no thread that could run is more important than the chosen one, nor than one that may go on."""
    highest = max((PRIORITY[k] for k in PRIORITY if decision["waiting"] >> k & 1), default=0)
    may_go_on = decision["forced"] or highest <= PRIORITY[decision["thread"]]
    return may_go_on and highest <= PRIORITY.get(decision["chosen"], highest)  # others: time


def test_a_thread_runs_only_where_none_that_could_is_more_important():
    """Whoever waits for a lock is let in by its owner, if that one inherits its priority: else another comes first."""
    found = {}
    for fixed in ((), ("fixed",)):
        with World("teach_priority_inversion", fixed, priorities=True) as world:
            facts = profile(world)
            turns = [Strategy(each) for each in ("random", "pos", "pct:d=3")]
            outcomes = []
            for number in range(600):
                strategy = turns[number % len(turns)]
                outcomes.append(world.run(number, strategy.module, prepare=strategy.prepare(facts), logging=True))
                assert fixed or all(map(respects_priorities, world.log())), "nobody inherits anything"
        found[fixed] = {outcome.kind for outcome in outcomes}
    assert found == {(): {"exited", "assert"}, ("fixed",): {"exited"}}


def test_calls_that_nobody_notices_are_no_switch_points_unless_libraries_are_explored(built):
    quiet = {NUMBERS["rt_sigprocmask"], NUMBERS["mmap"]}
    for libraries in (False, True):
        with campaign.prepared(Plan(built("deadlock"), libraries=libraries)) as (world, _):
            world.run(1, random_walk, logging=True)
            log = world.log()
            calls = set(log["at"][log["kind"] == CALL].tolist())
        assert bool(calls & quiet) == libraries
