"""Capabilities and pools at the kernel's border: what is charged where, and what is left (cz-17)."""

import pytest

from emu.abi.errno import EBUSY, EINVAL, ENOSPC, EPERM, ESRCH
from emu.abi.registers import A0
from emu.hot import entry
from emu.kernel.actions import YIELD
from emu.kernel.containers import capabilities, containers, pools
from emu.kernel.native import control_calls
from emu.kernel.native.numbers import CAPABILITY_CONTROL
from emu.kernel.sched import waking
from emu.kernel.sched.confining import change_affinity, confine_all
from emu.kernel.task import container_recovery
from emu.kernel.task.reaping import reap_task
from emu.kernel.task.records import create_task
from emu.kernel.thread.records import create_thread
from emu.kernel.vm import address_space
from emu.limits import CAPABILITIES, PAGE_SIZE, POOL_LEVELS
from emu.shm.cpumask import to_int, to_words
from emu.shm.layout import machine_at
from emu.testing.bare import bare_window
from emu.testing.container_checks import charged, check_containers
from tests.kernel import wrappers as hot

THREADS, SPACES, MAPS = pools.POOL_THREADS, pools.POOL_SPACES, pools.POOL_MAPS
CPUS, IPC = pools.POOL_CPUS, pools.POOL_IPC
VA = 0x10000

pytestmark = pytest.mark.system("cz-17")


@entry(3)
def make_container(address, me, k):
    return containers.make_container(machine_at(address), me, k)


@entry(3)
def enter(address, parent, k):
    return 1 if containers.enter_container(machine_at(address), 0, parent, k) else 0


@entry(3)
def capability_control(address, me, i):
    return control_calls.control_call(machine_at(address), me, i, CAPABILITY_CONTROL)


@entry(5)
def make(address, me, container, kind, size):
    return capabilities.make(machine_at(address), me, container, kind, size)


@entry(5)
def give(address, by, capability, container, keeps):
    return capabilities.give(machine_at(address), 0, by, capability, container, keeps != 0)


@entry(5)
def replicate(address, by, capability, container, size):
    return capabilities.replicate(machine_at(address), 0, by, capability, container, size)


@entry(4)
def split(address, by, capability, size):
    return capabilities.split(machine_at(address), 0, by, capability, size)


@entry(4)
def deduce(address, by, capability, size):
    return capabilities.deduce(machine_at(address), 0, by, capability, size)


@entry(3)
def remove(address, by, capability):
    return capabilities.remove(machine_at(address), 0, by, capability)


@entry(3)
def charge(address, container, kind):
    return pools.charge(machine_at(address), 0, container, kind)


@entry(2)
def give_back(address, pool):
    pools.give_back(machine_at(address), 0, pool)
    return 0


@entry(3)
def may_reach(address, mine, its):
    return 1 if capabilities.may_reach(machine_at(address), mine, its) else 0


@entry(1)
def refresh(address):
    m = machine_at(address)
    if capabilities.refresh_cpus(m, 0):
        confine_all(m, 0)
    return 0


@entry(1)
def rebuild_containers(address):
    m = machine_at(address)
    pools.lock_containers(m, 0)
    container_recovery.rebuild_containers(m, 0)
    pools.unlock_containers(m, 0)
    return 0


class World:
    """Two tasks, each in a container of its own (numbers 1 and 2, handles `first` and `second`)."""

    def __init__(self, window):
        self.window, self.base, self.machine = window, window.address, window.machine
        self.tasks = [create_task(self.base, 0) for _ in range(2)]
        self.first, self.second = (make_container(self.base, 0, k) for k in self.tasks)

    def make(self, kind, size, container=None):
        capability = make(self.base, 0, container or self.first, kind, size)
        assert capability > 0
        return capability

    def thread(self, cpus=0xF):
        """A thread of the first task that waits for a CPU."""
        i = create_thread(self.base, 0, self.tasks[0])
        self.machine["threads"][i]["affinity"] = to_words(cpus)
        waking.start(self.base, 0, i)
        return i

    def affinity(self, i):
        return to_int(self.machine["threads"][i]["affinity"]) & 0xF

    def ask(self, i, cpus):
        self.machine["cpus"][0]["given"] = to_words(cpus)
        return change_affinity(self.base, 0, i)


@pytest.fixture
def world():
    with bare_window(cpus=4) as window:
        yield World(window)


def test_threads_are_charged_to_the_first_pool_with_room_and_an_error_charges_nothing(world):
    assert create_thread(world.base, 0, world.tasks[0]) == -1
    world.make(THREADS, 1), world.make(SPACES, 9), world.make(THREADS, 2)
    made = [create_thread(world.base, 0, world.tasks[0]) for _ in range(4)]
    assert made[3] == -1 and min(made[:3]) >= 0
    assert list(charged(world.machine).values()) == [1, 2]
    check_containers(world.window)


def test_areas_are_charged_when_mapped_and_given_back_when_unmapped(world):
    assert address_space.map_region(world.base, 0, world.tasks[0], VA, PAGE_SIZE, 3) < 0
    world.make(MAPS, 2)
    for at in (VA, 3 * VA):
        assert address_space.map_region(world.base, 0, world.tasks[0], at, PAGE_SIZE, 3) >= 0
    assert address_space.map_region(world.base, 0, world.tasks[0], 5 * VA, PAGE_SIZE, 3) < 0
    assert sum(charged(world.machine).values()) == 2
    check_containers(world.window)
    reap_task(world.base, 0, world.tasks[0])
    assert not charged(world.machine)
    check_containers(world.window)


def test_who_leaves_gives_its_charges_back_before_anybody_is_told(world):
    world.make(THREADS, 1), world.make(SPACES, 1)
    child = create_task(world.base, 0)
    assert enter(world.base, world.tasks[0], child) == 1
    i = create_thread(world.base, 0, child)
    waking.start(world.base, 0, i)
    assert hot.pick_next(world.base, 0) == i
    assert list(charged(world.machine).values()) == [1, 1]
    hot.exit_thread(world.base, 0, i, 0)
    assert not charged(world.machine) and world.machine["tasks"][child]["container"] == 0
    check_containers(world.window)
    assert create_thread(world.base, 0, world.tasks[0]) >= 0


def test_a_replica_is_charged_to_its_pool_too_and_all_together_pass_no_limit(world):
    top = world.make(THREADS, 3)
    assert replicate(world.base, 0, top, world.second, 2) > 0
    assert replicate(world.base, 0, top, world.second, 4) == -EINVAL
    got = [charge(world.base, 2, THREADS) for _ in range(3)]
    assert min(got[:2]) > 0 == got[2], "its own limit"
    assert [charge(world.base, 1, THREADS) > 0 for _ in range(2)] == [True, False], "that of all"
    give_back(world.base, got[0])
    assert charge(world.base, 1, THREADS) > 0
    assert charge(world.base, 2, THREADS) == 0, "it has room, its parent has not"
    word = int(world.machine["pools"][1]["word"])
    assert pools.POOL_WORD.get(word, "used") == 1, "what the parent refused is given back"


def test_a_chain_of_replicas_has_an_end(world):
    capability, levels = world.make(THREADS, 5), 1
    while (result := replicate(world.base, 0, capability, world.first, 5)) > 0:
        capability, levels = result, levels + 1
    assert (result, levels) == (-ENOSPC, POOL_LEVELS)
    check_containers(world.window)


def test_a_pool_that_is_closed_while_used_goes_with_its_last_user_and_so_does_its_parent(world):
    top = world.make(THREADS, 3)
    replica = replicate(world.base, 0, top, world.second, 2)
    pool = charge(world.base, 2, THREADS)
    assert remove(world.base, 0, top) == 0 == remove(world.base, 0, replica)
    assert charge(world.base, 2, THREADS) == 0
    kinds = world.machine["pools"]["kind"][:2]
    assert kinds.all(), "both are needed to give back"
    give_back(world.base, pool)
    assert not kinds.any()
    check_containers(world.window)


def test_a_replica_of_a_closed_pool_is_charged_no_more(world):
    top = world.make(THREADS, 3)
    assert replicate(world.base, 0, top, world.second, 2) > 0
    assert remove(world.base, 0, top) == 0
    assert charge(world.base, 2, THREADS) == 0
    check_containers(world.window)


def test_what_is_shared_is_counted_once_and_what_is_granted_is_gone_from_where_it_was(world):
    one = world.make(THREADS, 2)
    two = give(world.base, 0, one, world.second, 1)
    assert charge(world.base, 1, THREADS) == charge(world.base, 2, THREADS) > 0 == charge(world.base, 1, THREADS)
    check = give(world.base, 0, one, world.second, 0)
    assert check > 0 and remove(world.base, 0, one) == -ESRCH
    assert remove(world.base, 0, two) == 0 == remove(world.base, 0, check)


def test_split_parts_add_up_and_nothing_shrinks_below_what_is_used(world):
    one = world.make(THREADS, 5)
    assert charge(world.base, 1, THREADS) > 0
    assert split(world.base, 0, one, 5) == -EBUSY
    part = split(world.base, 0, one, 4)
    assert part > 0 and deduce(world.base, 0, one, 0) == -EBUSY
    assert deduce(world.base, 0, part, 5) == -EINVAL and deduce(world.base, 0, part, 0) == 0
    assert split(world.base, 0, part, 1) == -EINVAL


def test_places_for_capabilities_are_bounded_and_an_old_handle_names_nothing(world):
    handles = [world.make(MAPS, 1) for _ in range(CAPABILITIES)]
    assert make(world.base, 0, world.first, MAPS, 1) == -ENOSPC
    assert split(world.base, 0, handles[0], 1) == -ENOSPC
    assert remove(world.base, 0, handles[3]) == 0
    again = world.make(MAPS, 1)
    assert again != handles[3] and remove(world.base, 0, handles[3]) == -ESRCH
    check_containers(world.window)


def test_who_is_in_a_container_acts_on_its_own_and_passes_on_only_where_it_may_send(world):
    one, other = world.make(THREADS, 2), world.make(THREADS, 2, world.second)
    assert remove(world.base, 1, other) == -EPERM
    assert give(world.base, 1, one, world.second, 1) == replicate(world.base, 1, one, world.second, 1) == -EPERM
    assert may_reach(world.base, 1, 2) == 0 == may_reach(world.base, 1, 0)
    world.make(IPC, world.second)
    assert may_reach(world.base, 1, 2) == 1 and may_reach(world.base, 1, 0) == 0
    world.make(IPC, 0)
    assert may_reach(world.base, 1, 0) == 1
    assert give(world.base, 1, one, world.second, 1) > 0
    pool = charge(world.base, 1, THREADS)
    assert pool > 0 and remove(world.base, 1, one) == 0, "another one shares it"
    part = replicate(world.base, 2, other, world.second, 1)
    assert part > 0 and remove(world.base, 2, other) == -EBUSY


def test_a_new_container_in_an_old_record_is_not_reached_by_an_old_right(world):
    world.make(IPC, world.second)
    reap_task(world.base, 0, world.tasks[1])
    k = create_task(world.base, 0)
    handle = make_container(world.base, 0, k)
    assert handle != world.second and world.machine["tasks"][k]["container"] == 2
    assert may_reach(world.base, 1, 2) == 0
    check_containers(world.window)


def test_threads_are_cut_to_the_cpus_of_their_container_and_none_asks_for_more(world):
    world.make(THREADS, 9)
    i = world.thread()
    assert world.ask(i, 1) == -EPERM
    one = world.make(CPUS, 0b0110)
    refresh(world.base)
    assert world.affinity(i) == 0b0110
    assert world.ask(i, 0b0011) == 0 and world.affinity(i) == 0b0010
    assert world.ask(i, 0b1001) == -EINVAL and world.affinity(i) == 0b0010
    assert deduce(world.base, 0, one, 0b1000) == -EINVAL
    assert deduce(world.base, 0, one, 0b0100) == 0
    refresh(world.base)
    assert world.affinity(i) == 0b0100, "nothing of what it had is left, so it gets all there is"
    assert remove(world.base, 0, one) == 0
    refresh(world.base)
    assert world.affinity(i) == 0b0100 and world.ask(i, 0xF) == -EPERM


def test_the_call_that_changes_the_cpus_of_a_container_moves_its_threads(world):
    world.make(THREADS, 9)
    i, manager = world.thread(), create_thread(world.base, 0, create_task(world.base, 0))
    world.machine["threads"][manager]["x"][A0 : A0 + 4] = control_calls.CREATE, world.first, CPUS, 0b0110
    assert capability_control(world.base, 0, manager) == YIELD, "the caller may have to move, too"
    assert world.affinity(i) == 0b0110


def test_a_replica_of_cpus_is_cut_with_the_first_mask_and_a_part_that_is_split_off_is_gone_from_it(world):
    world.make(THREADS, 9)
    i = world.thread()
    top = world.make(CPUS, 0b1111, world.second)
    assert replicate(world.base, 0, top, world.first, 0b0111) > 0
    refresh(world.base)
    assert world.affinity(i) == 0b0111
    assert split(world.base, 0, top, 0b1111) == -EINVAL
    assert split(world.base, 0, top, 0b0001) > 0
    refresh(world.base)
    assert world.affinity(i) == 0b0110


# --- recovery ---------------------------------------------------------------------------------------------------------

SPOILT = (
    ("containers", "nr_tasks"), ("containers", "next_free"), ("pools", "holders"), ("pools", "children"),
    ("pools", "next_free"), ("pools", "word"),
)  # fmt: skip


@pytest.mark.parametrize(("records", "field"), SPOILT)
def test_containers_and_pools_are_counted_anew_from_their_truth_words(world, records, field):
    threads = world.make(THREADS, 5)
    below = replicate(world.base, 0, threads, world.second, 3)
    gone = [world.make(MAPS, 2) for _ in range(2)]
    assert below > 0 and all(remove(world.base, 0, each) == 0 for each in gone)
    third = create_task(world.base, 0)
    make_container(world.base, 0, third)
    reap_task(world.base, 0, third)
    assert create_thread(world.base, 0, world.tasks[0]) >= 0 and create_thread(world.base, 0, world.tasks[1]) >= 0
    check_containers(world.window)
    before = charged(world.machine)
    if field == "word":
        world.machine["pools"]["word"][:2] += pools.ONE_USED
    else:
        world.machine[records][field][:4] = 2
    with pytest.raises(AssertionError):
        check_containers(world.window)
    rebuild_containers(world.base)
    check_containers(world.window)
    assert charged(world.machine) == before and create_thread(world.base, 0, world.tasks[0]) >= 0


def test_the_recovery_closes_a_pool_whose_last_capability_was_just_dropped(world):
    world.make(THREADS, 5)
    assert create_thread(world.base, 0, world.tasks[0]) >= 0
    world.machine["containers"][0]["capabilities"][0]["word"] = 0
    rebuild_containers(world.base)
    check_containers(world.window)
    assert create_thread(world.base, 0, world.tasks[0]) == -1
