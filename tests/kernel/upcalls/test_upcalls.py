"""Upcalls on played CPUs: handing over, contexts out, upcalls in, and the calls (kse-1 to kse-6, kse-12, kse-13).

Between processes: tests/litmus/test_upcalls.py; on CPUs: tests/systems/test_upcalls.py.
"""

import pytest

from emu.abi.errno import EAGAIN, EDEADLK, EFAULT, EINVAL, ESRCH
from emu.abi.registers import A0
from emu.kernel.actions import BLOCK, END_TASK, LEFT, RESUME
from emu.kernel.groups import mailbox
from emu.kernel.groups.records import (
    INTR_INTERRUPT,
    INTR_RESTART,
    INTR_SENDSIG,
    INTR_SIGEXIT,
    KSE_ENDOWED,
    KSE_INSIDE,
    KSE_MEMBER,
    KSE_OWNER,
    KSE_RISING,
    KSE_SPARE,
    WANTED_QUANTUM,
)
from emu.kernel.groups.spares import SPARES_PER_UPCALL
from emu.kernel.native.numbers import (
    KSE_CREATE,
    KSE_EXIT,
    KSE_RELEASE,
    KSE_SWITCHIN,
    KSE_THR_INTERRUPT,
    KSE_WAKEUP,
)
from emu.kernel.sleep.endings import interrupt
from emu.kernel.task.kill_reasons import KILL_MAILBOX
from emu.kernel.thread.sleep_word import SLEEP
from emu.kernel.thread.states import RUNNABLE, SLEEP_RELEASED, SLEEP_STOP, SLEEP_TIME, SLEEP_TIMED, WHERE
from emu.kernel.upcalls.boundary import GOES_ON, TURNED_AWAY
from emu.kernel.vm import frames
from emu.limits import MAX_UPCALLS, PAGE_SIZE, UPCALLS_PER_GROUP
from emu.shm.cpumask import to_words
from tests.kernel.cpus import MS, played
from tests.kernel.upcalls.played import (
    BASE,
    FUNCTION,
    PAGES,
    STACK,
    STACK_BYTES,
    THREAD_POINTER,
    World,
    exit_thread,
    expire,
    fall_asleep,
    fall_asleep_late,
    give,
    give_cpu,
    rebuild_upcalls,
    tick,
)

OWNER, RISING, INSIDE = KSE_MEMBER | KSE_OWNER, KSE_MEMBER | KSE_OWNER | KSE_RISING, KSE_MEMBER | KSE_INSIDE
SPARE = KSE_MEMBER | KSE_SPARE
NOWHERE = BASE + PAGES * PAGE_SIZE


@pytest.fixture
def world(seed):
    with played(2, "codezero", seed=seed) as cpus:
        cpus.stop_clock()
        assert [frames.allocate(cpus.base, 0) for _ in range(16)] == list(range(16))  # the test's own
        world = World(cpus, 2)
        yield world
        world.check()


@pytest.fixture
def one(world):
    """A thread that owns an upcall, and the mailbox."""
    world.owner = world.thread()
    world.box = world.mailbox(0)
    assert world.call(world.owner, KSE_CREATE, world.box, 0) == (RESUME, 0)
    assert world.enter(world.owner) == GOES_ON
    return world


def blocked(world, i, box, k):
    """User thread k, which runs on thread i, blocks; the thread that makes the upcall, in user space."""
    world.run_user_thread(box, k)
    new = world.block(i)
    assert new != i and world.enter(new) == GOES_ON
    return new


def group_of(world, i):
    return world.groups[int(world.threads[i]["kse_group"]) - 1]


# --- handing over -----------------------------------------------------------------------------------------------------


@pytest.mark.system("kse-2", "kse-12")
def test_a_blocking_owner_with_a_current_thread_hands_its_upcall_to_a_new_thread(one):
    spare = int(one.threads[one.owner]["spare"])
    one.run_user_thread(one.box, 3)
    new = one.block(one.owner)
    assert new == spare >= 0, "the thread is made from the spare of the one that makes the call (kse-8)"
    assert (one.kse(one.owner), one.kse(new)) == (INSIDE, RISING)
    assert one.threads[one.owner]["upcall"] == 0 and one.threads[one.owner]["user_thread"] == one.user_thread(3)
    one.check()
    assert one.enter(new) == GOES_ON
    assert one.entered(new) == (FUNCTION, one.box, STACK + STACK_BYTES, THREAD_POINTER)
    assert (one.current(one.box), one.completed(one.box)) == (0, [])
    assert one.threads[new]["spare"] >= 0, "and has a spare itself"


@pytest.mark.system("kse-2", "kse-13")
@pytest.mark.parametrize("why", ["no current thread", "no mailbox", "its own flag", "bound", "no upcalls"])
def test_an_owner_keeps_its_upcall_where_none_is_to_be_made(one, why):
    if why != "no current thread":
        one.run_user_thread(one.box, 0)
    if why == "its own flag":
        one.write(one.user_thread(0) + mailbox.THREAD_FLAGS, mailbox.TMF_NOUPCALL)
    elif why in ("bound", "no upcalls"):
        one.write(one.box + mailbox.FLAGS, mailbox.KMF_BOUND if why == "bound" else mailbox.KMF_NOUPCALL)
    elif why == "no mailbox":
        one.upcalls[0]["mailbox"] = NOWHERE  # as if it were unmapped
    assert one.block(one.owner) == -1, "nobody else runs"
    assert one.kse(one.owner) == OWNER
    one.wake(one.owner)
    assert one.enter(one.let_run(one.owner)) == GOES_ON
    assert one.machine["tasks"][one.task]["exiting"] == 0


@pytest.mark.system("kse-2")
def test_a_task_that_is_stopped_or_ends_makes_no_upcalls(one):
    one.run_user_thread(one.box, 0)
    assert one.block(one.owner, SLEEP_STOP) == -1 and one.kse(one.owner) == OWNER
    one.wake(one.owner)
    one.let_run(one.owner)
    one.machine["tasks"][one.task]["exiting"] = 1
    assert one.block(one.owner) == -1 and one.kse(one.owner) == OWNER


@pytest.mark.system("kse-2")
def test_a_thread_whose_waker_has_come_before_makes_no_upcall(one):
    one.run_user_thread(one.box, 0)
    assert fall_asleep_late(one.base, 0, one.owner) == 0
    assert one.kse(one.owner) == OWNER and one.running() == one.owner


@pytest.mark.system("kse-2", "kse-12")
def test_a_thread_that_hands_its_cpu_over_by_a_message_makes_an_upcall_too(one):
    heir = one.waiting_thread(0)
    one.let_run(heir)
    one.block(heir)
    one.let_run(one.owner)
    one.run_user_thread(one.box, 0)
    give_cpu(one.base, 0, one.owner, heir)
    assert one.cpus.current(0) == heir
    assert one.kse(one.owner) == INSIDE and group_of(one, one.owner)["inside"] == 0


@pytest.mark.system("kse-5")
def test_without_room_for_a_thread_the_owner_blocks_with_its_upcall_and_that_is_counted(one):
    one.machine["max_threads_per_proc"] = 1
    one.run_user_thread(one.box, 0)
    assert one.block(one.owner) == -1 and one.kse(one.owner) == OWNER
    assert one.machine["proc_limit_hits"] == 1
    one.wake(one.owner)
    one.let_run(one.owner)
    one.machine["max_threads_per_proc"] = 2  # at run time
    assert one.block(one.owner) >= 0 and one.kse(one.owner) == INSIDE


# --- an upcall for a thread that is inside ---


@pytest.fixture
def woken(one):
    """`owner` is inside for user thread 3 and waits for the CPU on which `new`, which owns, runs user thread 4."""
    one.new = blocked(one, one.owner, one.box, 3)
    one.wake(one.owner)
    one.let_run(one.new)
    one.run_user_thread(one.box, 4)
    return one


@pytest.mark.system("kse-2", "kse-3", "kse-12")
@pytest.mark.parametrize("rebuilt", [False, True], ids=["as it is", "rebuilt"])
def test_a_thread_that_was_woken_inside_gets_the_upcall_and_brings_its_own_context(woken, rebuilt):
    created = int(woken.machine["cpus"]["spawned"].sum())
    woken.threads[woken.owner]["x"][A0] = 77
    woken.threads[woken.owner]["kse_interrupt"] = INTR_RESTART
    assert woken.block(woken.new) == woken.owner, "and no other is woken or made"
    assert (woken.kse(woken.owner), woken.kse(woken.new)) == (INSIDE, INSIDE)
    assert woken.threads[woken.owner]["offer"] == 1, "the upcall, plus one"
    woken.check()
    if rebuilt:
        woken.upcalls[0]["owner"] = woken.new + 1  # as if the giver's CPU had been killed right before it named another
        rebuild_upcalls(woken.base)
        woken.check()
        assert woken.kse(woken.owner) == KSE_ENDOWED and woken.upcalls[0]["owner"] == woken.owner + 1
    assert woken.enter(woken.owner) == GOES_ON and woken.entered(woken.owner)[0] == FUNCTION
    assert woken.completed(woken.box) == [3] and woken.current(woken.box) == 0
    assert woken.read(woken.user_thread(3) + mailbox.CONTEXT + 8 * A0) == 77
    t = woken.threads[woken.owner]
    assert (woken.kse(woken.owner), t["user_thread"], t["kse_interrupt"]) == (OWNER, 0, 0)
    group = group_of(woken, woken.owner)
    assert (group["inside"], group["rising"], group["nr_spares"]) == (0, 0, 0)
    assert woken.machine["cpus"]["spawned"].sum() == created


@pytest.mark.system("kse-2", "kse-12")
@pytest.mark.parametrize("leaves", ["", "exits", "is told to"])
def test_a_thread_that_was_given_an_upcall_inside_and_sleeps_again_or_exits_there_hands_it_on(woken, leaves):
    woken.block(woken.new)
    if leaves:
        woken.threads[woken.owner]["told_to_end"] = leaves == "is told to"
        exit_thread(woken.base, 0, woken.owner)
        newer = woken.running()
    else:
        newer = woken.block(woken.owner)
    assert newer not in (woken.owner, woken.new) and woken.kse(newer) == RISING
    assert woken.kse(woken.owner) == (0 if leaves else INSIDE)
    woken.check()
    assert woken.enter(newer) == GOES_ON and woken.completed(woken.box) == []


@pytest.mark.system("kse-12")
def test_a_thread_that_was_given_an_upcall_inside_ends_with_its_task(woken):
    woken.block(woken.new)
    woken.machine["tasks"][woken.task]["exiting"] = 1
    exit_thread(woken.base, 0, woken.owner)
    assert woken.upcalls[0]["owner"] == 0 and woken.running() == woken.new, "told to end with its group"
    woken.check()


@pytest.mark.system("kse-5")
def test_without_room_for_another_thread_it_sleeps_on_with_the_upcall_and_makes_it_later(woken):
    woken.machine["max_threads_per_proc"] = 2
    woken.block(woken.new)
    assert woken.block(woken.owner) == -1 and woken.kse(woken.owner) == KSE_ENDOWED
    woken.check()
    woken.wake(woken.owner)
    woken.let_run(woken.owner)
    assert group_of(woken, woken.owner)["inside"] == 1
    assert woken.enter(woken.owner) == GOES_ON and woken.completed(woken.box) == [3]


@pytest.mark.system("kse-2", "kse-4")
@pytest.mark.parametrize("why", ["asked_nice", "own_realtime", "signal_mask", "credentials", "robust_list", "affinity"])
def test_a_woken_thread_that_is_not_as_the_owner_or_owes_something_gets_no_upcall(woken, why):
    t = woken.threads[woken.owner]
    if why == "affinity":
        t["asked_affinity"] = to_words(3)
    else:
        t[why] ^= 4
    next_one = woken.block(woken.new)
    threads = [i for i in (next_one, *range(8)) if woken.kse(i) == RISING]
    assert threads and woken.owner not in threads and woken.kse(woken.owner) == INSIDE
    if why == "robust_list":
        t["robust_list"] = 0


@pytest.mark.system("kse-12")
def test_an_upcall_is_given_only_in_the_stay_that_its_owner_has_looked_at(woken):
    before = int(woken.threads[woken.owner]["offer"])
    assert before < 0
    woken.let_run(woken.owner)
    assert woken.block(woken.owner) == woken.new and woken.threads[woken.owner]["offer"] == 0
    woken.wake(woken.owner)
    assert give(woken.base, woken.new, woken.owner, before) == 0, "another stay, though it is open again"
    assert woken.upcalls[0]["owner"] == woken.new + 1 and int(woken.threads[woken.owner]["offer"]) < before
    assert woken.block(woken.new) == woken.owner


@pytest.mark.system("kse-2")
def test_a_thread_that_waits_for_another_cpu_gets_no_upcall(woken):
    woken.threads[woken.owner]["where"] = WHERE.pack(state=RUNNABLE, queue=1)
    group_of(woken, woken.new)["woken"] = woken.owner + 1
    fall_asleep(woken.base, 0, woken.new, SLEEP_TIME)
    woken.threads[woken.owner]["where"] = WHERE.pack(state=RUNNABLE, queue=0)
    assert int(woken.threads[woken.owner]["offer"]) < 0


@pytest.mark.system("kse-2", "kse-4")
def test_a_thread_of_another_group_gets_no_upcall_though_its_record_is_the_one_that_was_woken_last(woken):
    stranger = woken.thread(1)
    assert woken.call(stranger, KSE_CREATE, woken.mailbox(1), 0) == (RESUME, 0)
    assert woken.kse(stranger) == OWNER
    blocked(woken, stranger, woken.mailbox(1), 5)
    woken.wake(stranger)
    group_of(woken, woken.new)["woken"] = stranger + 1
    t = woken.threads[stranger]
    t["asked_affinity"], t["where"] = woken.threads[woken.new]["asked_affinity"], WHERE.pack(state=RUNNABLE, queue=0)
    fall_asleep(woken.base, 0, woken.new, SLEEP_TIME)
    t["asked_affinity"], t["where"] = to_words(2), WHERE.pack(state=RUNNABLE, queue=1)
    assert int(t["offer"]) < 0, "still open"


# --- contexts leave, upcalls enter ------------------------------------------------------------------------------------


@pytest.mark.system("kse-2", "kse-3")
def test_a_thread_without_an_upcall_leaves_its_context_and_exits_and_the_next_upcall_brings_it(one):
    new = blocked(one, one.owner, one.box, 3)
    t = one.threads[one.owner]
    t["x"][A0], t["x"][20], t["f"][7], t["pc"], t["fcsr"] = 77, 20_20, 7_07, 0x5000, 3
    one.wake(one.owner)
    one.let_run(one.owner)
    assert one.enter(one.owner) == TURNED_AWAY
    assert one.kse(one.owner) == SPARE, "and waits for another upcall"
    assert group_of(one, new)["completed"] == one.user_thread(3)
    newer = blocked(one, one.let_run(new), one.box, 4)
    assert one.completed(one.box) == [3]
    assert group_of(one, newer)["completed"] == 0, "once"
    at = one.user_thread(3) + mailbox.CONTEXT
    assert [one.read(at + 8 * k) for k in (A0, 20, 33, 34 + 7, 66)] == [77, 20_20, 0x5000, 7_07, 3]


@pytest.mark.system("kse-8")
def test_a_spare_gets_the_next_upcall_and_those_that_are_too_many_exit(one):
    threads, new = [], one.owner
    for k in range(4):
        threads.append(new)
        new = blocked(one, new, one.box, k)
    created = int(one.machine["cpus"]["spawned"].sum())
    for i in threads:
        one.wake(i)
    for i in threads:
        one.let_run(i)
        assert one.enter(i) == TURNED_AWAY
    assert [one.kse(i) for i in threads] == [SPARE] * SPARES_PER_UPCALL + [0, 0]
    assert group_of(one, new)["nr_spares"] == SPARES_PER_UPCALL
    one.threads[new]["signal_mask"] = 5
    newer = blocked(one, one.let_run(new), one.box, 9)
    assert newer == threads[1] and one.threads[newer]["signal_mask"] == 5
    assert one.machine["cpus"]["spawned"].sum() == created
    one.check()


@pytest.mark.system("kse-8")
def test_a_spare_ends_with_its_task_and_a_hand_over_and_a_kill_do_not_both_get_it(one):
    new = blocked(one, one.owner, one.box, 0)
    one.wake(one.owner)
    assert one.enter(one.let_run(one.owner)) == TURNED_AWAY and one.kse(one.owner) == SPARE
    one.threads[one.owner]["told_to_end"] = 1
    assert interrupt(one.base, 0, one.owner) == 1
    assert group_of(one, new)["nr_spares"] == 0
    one.check()
    newer = blocked(one, one.let_run(new), one.box, 1)
    assert newer != one.owner
    exit_thread(one.base, 0, one.let_run(one.owner))


@pytest.mark.system("kse-8")
def test_a_spare_takes_no_signals_and_no_interrupts_of_its_last_call(one):
    blocked(one, one.owner, one.box, 0)
    one.threads[one.owner]["kse_interrupt"] = INTR_RESTART
    one.wake(one.owner)
    assert one.enter(one.let_run(one.owner)) == TURNED_AWAY
    t = one.threads[one.owner]
    assert (one.kse(one.owner), t["signal_mask"], t["kse_interrupt"], t["user_thread"]) == (SPARE, -1, 0, 0)


@pytest.mark.system("kse-8")
def test_a_thread_that_has_promised_something_for_its_exit_exits_and_no_spare_keeps_a_stack_for_signals(one):
    new = blocked(one, one.owner, one.box, 0)
    one.threads[one.owner]["robust_list"] = NOWHERE
    one.wake(one.owner)
    assert one.enter(one.let_run(one.owner)) == TURNED_AWAY and one.kse(one.owner) == 0
    newer = blocked(one, one.let_run(new), one.box, 1)
    one.threads[new]["alt_stack"], one.threads[new]["alt_stack_bytes"] = BASE, PAGE_SIZE
    one.wake(new)
    assert one.enter(one.let_run(new)) == TURNED_AWAY and one.kse(new) == SPARE
    assert one.threads[new]["alt_stack"] == one.threads[new]["alt_stack_bytes"] == 0 and one.kse(newer) == OWNER


@pytest.mark.system("kse-6")
def test_what_the_library_uses_before_an_upcall_is_no_user_threads_time(one):
    t = one.threads[one.owner]
    t["instructions"] += 500  # without a current thread
    one.call(one.owner, KSE_WAKEUP, one.box)
    assert one.call(one.owner, KSE_RELEASE) == (RESUME, 0)
    assert one.enter(one.owner) == GOES_ON
    one.run_user_thread(one.box, 0)
    t["instructions"] += 100
    one.block(one.owner)
    one.wake(one.owner)
    assert one.enter(one.let_run(one.owner)) == TURNED_AWAY
    assert one.read(one.user_thread(0) + mailbox.USER_NS) == 200


@pytest.mark.system("kse-6")
def test_the_time_in_a_region_that_forbids_upcalls_counts_as_well(one):
    t, at = one.threads[one.owner], one.user_thread(0)
    one.write(at + mailbox.THREAD_FLAGS, mailbox.TMF_NOUPCALL)
    one.run_user_thread(one.box, 0)
    t["instructions"] += 500
    tick(one.base, 0, one.owner)
    assert one.read(at + mailbox.USER_NS) == 1000


@pytest.mark.system("kse-8")
def test_a_thread_that_is_killed_before_it_sleeps_as_a_spare_exits(one):
    blocked(one, one.owner, one.box, 0)
    one.wake(one.owner)
    one.let_run(one.owner)
    one.threads[one.owner]["told_to_end"] = 1
    assert one.enter(one.owner) == TURNED_AWAY
    assert one.cpus.state(one.owner)[0] in ("runnable", "running") and group_of(one, one.owner)["nr_spares"] == 0
    one.leave_spares()


@pytest.mark.system("kse-3")
@pytest.mark.parametrize("there", [True, False], ids=["behind the call", "elsewhere"])
def test_of_a_thread_that_has_saved_its_context_the_result_is_stored_where_it_goes_on_there(one, there):
    at = one.user_thread(0)
    one.write(at + mailbox.THREAD_FLAGS, mailbox.TMF_SAVED, 0x5000)
    one.write(at + mailbox.CONTEXT + 8 * 20, 1234)
    blocked(one, one.owner, one.box, 0)
    t = one.threads[one.owner]
    t["x"][A0], t["x"][20], t["pc"] = 77, 20_20, 0x5000 if there else 0x4FFC
    one.wake(one.owner)
    assert one.enter(one.let_run(one.owner)) == TURNED_AWAY
    kept = one.read(at + mailbox.CONTEXT + 8 * 20) == 1234
    assert kept == there == (one.read(at + mailbox.RESULT) == 77)
    assert one.read(at + mailbox.THREAD_FLAGS) == (mailbox.TMF_SAVED if there else 0)
    assert (one.read(at + mailbox.CONTEXT + 8 * A0) == 77) == (not there)


@pytest.mark.system("kse-2")
def test_a_thread_that_forbids_upcalls_is_told_that_one_was_due(one):
    new = blocked(one, one.owner, one.box, 0)
    one.wake(one.owner)
    assert one.enter(one.let_run(one.owner)) == TURNED_AWAY
    flags = one.user_thread(1) + mailbox.THREAD_FLAGS
    one.write(flags, mailbox.TMF_NOUPCALL)
    one.run_user_thread(one.box, 1)
    one.threads[one.let_run(new)]["pc"] = 0x6000
    assert one.enter(new) == GOES_ON and one.entered(new)[0] == 0x6000
    assert one.read(flags) == mailbox.TMF_NOUPCALL | mailbox.TMF_WANTED
    one.write(flags, 0)
    assert one.enter(new) == GOES_ON and one.entered(new)[0] == FUNCTION


@pytest.mark.system("kse-3")
def test_all_that_was_completed_comes_at_once_the_last_one_first(one):
    threads, new = [], one.owner
    for k in range(5):
        threads.append(new)
        new = blocked(one, new, one.box, k)
    for i in threads:
        one.wake(i)
    for i in threads:
        one.let_run(i)
        assert one.enter(i) == TURNED_AWAY
    blocked(one, one.let_run(new), one.box, 9)
    assert one.completed(one.box) == [4, 3, 2, 1, 0]


@pytest.mark.system("kse-13")
def test_what_is_completed_leaves_the_kernel_before_the_upcall_is_made(one):
    threads, new = [], one.owner
    for k in range(3):
        threads.append(new)
        new = blocked(one, new, one.box, k)
    one.run_user_thread(one.box, 3)
    for i in threads[:2]:
        one.threads[i]["asked_nice"] = 1  # so that it is given no upcall
        one.wake(i)
    newest = one.block(new)
    while one.running() in threads:  # as it happens to be picked
        assert one.enter(one.running()) == TURNED_AWAY
        newest = one.running()
    assert one.kse(newest) == RISING
    for _ in range(4):
        if one.enter(one.running()) == GOES_ON:
            break
    assert one.running() == newest and one.entered(newest)[0] == FUNCTION
    assert sorted(one.completed(one.box)) == [0, 1]


@pytest.mark.system("kse-13")
def test_an_upcall_lets_others_leave_first_only_as_often_as_there_are_such(one):
    new = blocked(one, one.owner, one.box, 0)
    one.threads[one.owner]["asked_nice"] = 1  # so that it is given no upcall
    one.wake(one.owner)  # it waits, and does not come to the border in this test
    one.run_user_thread(one.box, 1)
    one.block(one.let_run(new))
    rising = next(i for i in range(int(one.machine["fresh_thread"])) if one.kse(i) == RISING)
    assert one.enter(one.let_run(rising)) == TURNED_AWAY, "one is inside: it may go first"
    assert one.enter(one.let_run(rising)) == GOES_ON, "once"


@pytest.mark.system("kse-2")
def test_a_returning_owner_makes_an_upcall_where_something_was_completed_and_nobody_is_about_to_fetch_it(one):
    new = blocked(one, one.owner, one.box, 0)
    one.wake(one.owner)
    assert one.enter(one.let_run(one.owner)) == TURNED_AWAY
    one.run_user_thread(one.box, 1)
    one.threads[one.let_run(new)]["pc"] = 0x6000
    group = group_of(one, new)
    group["rising"] = 1  # as if another upcall were on its way
    assert one.enter(new) == GOES_ON and one.current(one.box) == one.user_thread(1)
    group["rising"] = 0
    assert one.enter(new) == GOES_ON
    assert one.entered(new)[0] == FUNCTION, "the same thread, as an upcall"
    assert one.completed(one.box) == [1, 0] and one.read(one.user_thread(1) + mailbox.CONTEXT + 8 * 33) == 0x6000


@pytest.mark.system("kse-13")
def test_the_library_itself_is_not_interrupted(one):
    new = blocked(one, one.owner, one.box, 0)
    one.wake(one.owner)
    assert one.enter(one.let_run(one.owner)) == TURNED_AWAY
    one.threads[one.let_run(new)]["pc"] = 0x6000
    assert one.enter(new) == GOES_ON and one.entered(new)[0] == 0x6000


@pytest.mark.system("kse-2")
def test_a_flag_keeps_completed_contexts_for_another_upcall(one):
    new = blocked(one, one.owner, one.box, 0)
    one.wake(one.owner)
    assert one.enter(one.let_run(one.owner)) == TURNED_AWAY
    one.write(one.box + mailbox.FLAGS, mailbox.KMF_NOCOMPLETED)
    newer = blocked(one, one.let_run(new), one.box, 1)
    assert one.completed(one.box) == [] and group_of(one, newer)["completed"] == one.user_thread(0)


@pytest.mark.system("kse-13")
@pytest.mark.parametrize("which", ["KSE mailbox", "thread mailbox"])
def test_a_bad_mailbox_ends_the_task_with_a_reason(one, which):
    one.run_user_thread(one.box, 0)
    new = one.block(one.owner)
    if which == "KSE mailbox":
        one.upcalls[0]["mailbox"] = NOWHERE
        assert one.enter(new) == TURNED_AWAY
    else:
        assert one.enter(new) == GOES_ON
        one.threads[one.owner]["user_thread"] = NOWHERE - 8
        one.wake(one.owner)
        assert one.enter(one.let_run(one.owner)) == TURNED_AWAY
        assert one.kse(one.owner) == INSIDE
    assert one.machine["tasks"][one.task]["kill_reason"] == KILL_MAILBOX


@pytest.mark.system("kse-6")
def test_the_thread_mailbox_tells_user_and_system_time_apart(one):
    t = one.threads[one.owner]
    t["instructions"] += 500  # user time is 2 ns an instruction
    t["system_ns"] += 30
    one.run_user_thread(one.box, 0)
    tick(one.base, 0, one.owner)
    at = one.user_thread(0) + mailbox.USER_NS
    assert one.read(at, 2) == [1000, 30]
    t["instructions"] += 50
    new = one.block(one.owner)
    one.threads[new]["instructions"] += 7  # of the library
    t["system_ns"] += 2
    assert one.enter(new) == GOES_ON
    one.wake(one.owner)
    one.let_run(one.owner)
    assert one.enter(one.owner) == TURNED_AWAY
    assert one.read(at, 2) == [1100, 32], "each once, and to nobody else"


@pytest.mark.system("kse-11")
def test_a_user_thread_whose_quantum_is_over_gives_its_upcall_up(world):
    i, box = world.thread(), world.mailbox(0)
    world.write(box + mailbox.QUANTUM, MS)
    world.call(i, KSE_CREATE, box, 0)
    world.run_user_thread(box, 0)
    tick(world.base, 0, i)  # the first quantum begins with the first upcall
    assert world.enter(i) == GOES_ON and world.entered(i)[0] == FUNCTION
    world.completed(box)
    world.run_user_thread(box, 1)
    tick(world.base, 0, i)
    world.threads[i]["pc"] = 0x6000
    assert world.enter(i) == GOES_ON and world.entered(i)[0] == 0x6000
    world.cpus.advance(2 * MS)
    tick(world.base, 0, i)
    assert world.enter(i) == GOES_ON and world.entered(i)[0] == FUNCTION
    assert world.completed(box) == [1]
    world.cpus.advance(2 * MS)
    tick(world.base, 0, i)  # while the library runs
    world.upcalls[0]["wanted"] |= WANTED_QUANTUM
    assert world.enter(i) == GOES_ON and world.upcalls[0]["wanted"] == 0


# --- create -----------------------------------------------------------------------------------------------------------


@pytest.mark.system("kse-1", "kse-4")
def test_create_makes_the_caller_an_owner_and_then_new_threads_that_make_their_upcall_at_once(one):
    box = one.mailbox(1)
    assert one.call(one.owner, KSE_CREATE, box, 0) == (RESUME, 0)
    new = next(i for i in range(int(one.machine["fresh_thread"])) if one.kse(i) == RISING)
    assert one.threads[new]["kse_group"] == one.threads[one.owner]["kse_group"]
    group = group_of(one, new)
    assert (group["nr_upcalls"], group["nr_threads"]) == (2, 2)
    assert one.enter(one.let_run(new, one.cpu_of(new))) == GOES_ON
    assert one.entered(new) == (FUNCTION + 1, box, STACK + STACK_BYTES, THREAD_POINTER + 1)
    assert one.call(one.owner, KSE_CREATE, one.mailbox(2), 1) == (RESUME, 0)
    assert one.machine["tasks"][one.task]["nr_groups"] == 2


@pytest.mark.system("kse-1", "kse-5")
def test_create_refuses_what_it_cannot_do_and_keeps_nothing(one):
    i = one.owner
    assert one.call(i, KSE_CREATE, one.box + 4, 0)[1] == -EINVAL
    assert one.call(i, KSE_CREATE, NOWHERE - 64, 0)[1] == -EFAULT
    assert one.call(i, KSE_CREATE, -8, 0)[1] == -EFAULT
    one.machine["max_groups_per_proc"] = 1
    assert one.call(i, KSE_CREATE, one.mailbox(1), 1)[1] == -EAGAIN and one.machine["group_limit_hits"] == 1
    one.machine["max_groups_per_proc"] = 2
    used, one.machine["fresh_upcall"] = int(one.machine["fresh_upcall"]), MAX_UPCALLS
    assert one.call(i, KSE_CREATE, one.mailbox(1), 1)[1] == -EAGAIN, "no record of an upcall"
    one.machine["fresh_upcall"] = used
    one.check()
    one.machine["max_threads_per_proc"] = 1
    assert one.call(i, KSE_CREATE, one.mailbox(1), 1)[1] == -EAGAIN and one.machine["proc_limit_hits"] == 1
    assert one.call(i, KSE_CREATE, one.mailbox(1), 0)[1] == -EAGAIN
    group_of(one, i)["nr_upcalls"] += UPCALLS_PER_GROUP
    one.machine["max_threads_per_proc"] = 10
    assert one.call(i, KSE_CREATE, one.mailbox(1), 0)[1] == -EAGAIN
    group_of(one, i)["nr_upcalls"] -= UPCALLS_PER_GROUP
    one.check()
    assert one.machine["tasks"][one.task]["nr_groups"] == 1 and group_of(one, i)["nr_threads"] == 1


# --- exit -------------------------------------------------------------------------------------------------------------


@pytest.mark.system("kse-1", "kse-4")
def test_exit_removes_the_upcall_and_the_thread_but_not_the_last_one_that_others_need(one):
    assert one.call(one.owner, KSE_CREATE, one.mailbox(1), 0) == (RESUME, 0)
    other = next(i for i in range(int(one.machine["fresh_thread"])) if one.kse(i) == RISING)
    one.let_run(other, one.cpu_of(other))
    assert one.enter(other) == GOES_ON
    one.run_user_thread(one.mailbox(1), 0)
    assert one.call(other, KSE_EXIT) == (RESUME, -EINVAL), "a user thread runs on it"
    one.write(one.mailbox(1) + mailbox.CURRENT, 0)
    assert one.call(other, KSE_EXIT)[0] == LEFT
    assert one.read(one.mailbox(1) + mailbox.FLAGS) == 0  # the test has just written it anew
    assert group_of(one, one.owner)["nr_upcalls"] == 1
    new = blocked(one, one.let_run(one.owner), one.box, 0)
    assert one.call(new, KSE_EXIT) == (RESUME, -EDEADLK), "a thread is inside"
    one.wake(one.owner)
    assert one.enter(one.let_run(one.owner)) == TURNED_AWAY
    one.let_run(new)
    assert one.call(new, KSE_EXIT) == (RESUME, -EDEADLK), "its context was not fetched"
    newer = blocked(one, new, one.box, 1)
    one.wake(new)
    assert one.enter(one.let_run(new)) == TURNED_AWAY
    one.run_user_thread(one.box, 2)
    assert one.enter(one.let_run(newer)) == GOES_ON and one.completed(one.box) == [2, 1]
    assert one.call(newer, KSE_EXIT) == (RESUME, 0), "the last thread of a task is an ordinary one then"
    assert one.read(one.box + mailbox.FLAGS) == mailbox.KMF_DONE and one.kse(newer) == 0
    one.leave_spares()
    assert one.machine["tasks"][one.task]["nr_groups"] == 0


@pytest.mark.system("kse-4")
def test_an_owners_exit_removes_its_upcall_and_the_last_one_shuts_the_group_down(one):
    new = blocked(one, one.owner, one.box, 0)
    stranger = one.thread(1)
    exit_thread(one.base, 0, new)
    assert one.threads[one.owner]["told_to_end"] == 1, "it could never hand its context out"
    assert one.threads[stranger]["told_to_end"] == 0
    assert one.cpus.state(one.owner)[0] == "runnable", "its sleep is ended"
    one.check()
    assert group_of(one, one.owner)["nr_upcalls"] == 0
    one.let_run(one.owner)
    assert one.enter(one.owner) == TURNED_AWAY, "and nothing is left behind by a thread that gets there"
    assert one.machine["tasks"][one.task]["nr_groups"] == 0


# --- release and wake-up ----------------------------------------------------------------------------------------------


def release(world, i, ns=None):
    """kse_release, for so long."""
    at = 0
    if ns is not None:
        at = BASE + PAGE_SIZE
        world.write(at, ns // 1_000_000_000, ns % 1_000_000_000)
    return world.call(i, KSE_RELEASE, at)


def released(world, i):
    """Whether thread i sleeps as a released owner."""
    word = int(world.threads[i]["sleep"])
    return word > 0 and SLEEP.get(word, "reason") & ~SLEEP_TIMED == SLEEP_RELEASED


def made_upcall(world, i):
    """The released owner i, which was woken, makes its call again and its upcall."""
    world.let_run(i)
    assert world.call(i, KSE_RELEASE, again=True)[0] == RESUME and world.kse(i) == RISING
    assert world.enter(i) == GOES_ON
    return world.entered(i)[0] == FUNCTION


@pytest.mark.system("kse-1", "kse-13")
def test_a_released_owner_keeps_its_upcall_and_is_woken_by_a_completed_context(one):
    new = blocked(one, one.owner, one.box, 0)
    assert release(one, new)[0] == BLOCK and released(one, new)
    assert one.kse(new) == OWNER and one.upcalls[0]["owner"] == new + 1
    one.check()
    one.wake(one.owner)
    one.let_run(one.owner)
    assert one.enter(one.owner) == TURNED_AWAY
    assert not released(one, new)
    assert made_upcall(one, new) and one.completed(one.box) == [0]


@pytest.mark.system("kse-13")
def test_an_owner_is_not_released_where_there_is_a_reason_for_an_upcall(one):
    new = blocked(one, one.owner, one.box, 0)
    one.wake(one.owner)
    assert one.enter(one.let_run(one.owner)) == TURNED_AWAY
    assert release(one, one.let_run(new)) == (RESUME, 0)
    assert one.enter(new) == GOES_ON and one.completed(one.box) == [0]
    assert one.call(new, KSE_WAKEUP, one.box) == (RESUME, 0)
    assert release(one, new) == (RESUME, 0) and one.enter(new) == GOES_ON
    assert one.call(new, KSE_WAKEUP, 0) == (RESUME, 0)
    assert release(one, new) == (RESUME, 0) and one.enter(new) == GOES_ON
    assert release(one, new)[0] == BLOCK, "each reason counts once"


@pytest.mark.system("kse-1")
@pytest.mark.parametrize("named", [True, False])
def test_a_wake_up_makes_a_released_owner_rise(one, named):
    assert release(one, one.owner)[0] == BLOCK
    other = one.thread(1)
    if named:
        assert one.call(other, KSE_WAKEUP, one.box) == (RESUME, 0)
        assert one.call(other, KSE_WAKEUP, one.box + 8) == (RESUME, -ESRCH)
        assert one.call(other, KSE_WAKEUP, 0) == (RESUME, -ESRCH), "the caller is in no group"
    else:
        assert one.call(other, KSE_CREATE, one.mailbox(1), 0) == (RESUME, 0)
        assert one.call(other, KSE_WAKEUP, 0) == (RESUME, 0) and released(one, one.owner), "that is another group"
        one.threads[other]["kse_group"], group = one.threads[one.owner]["kse_group"], one.threads[other]["kse_group"]
        assert one.call(other, KSE_WAKEUP, 0) == (RESUME, 0)
        one.threads[other]["kse_group"] = group
    assert made_upcall(one, one.owner)


@pytest.mark.system("kse-1")
def test_a_wake_up_makes_an_owner_give_up_its_user_thread(one):
    other = one.thread(1)
    one.run_user_thread(one.box, 0)
    assert one.call(other, KSE_WAKEUP, one.box) == (RESUME, 0)
    assert one.enter(one.owner) == GOES_ON and one.entered(one.owner)[0] == FUNCTION
    assert one.completed(one.box) == [0]


@pytest.mark.system("kse-1")
def test_the_end_of_its_time_makes_a_released_owner_rise_and_a_signal_ends_the_call(one):
    assert release(one, one.owner, 1000)[0] == BLOCK
    word = int(one.threads[one.owner]["sleep"])
    assert word & SLEEP_TIMED
    assert expire(one.base, 1, one.owner, word) == 1
    one.threads[one.owner]["resume_deadline_ns"] = 1  # long ago
    assert made_upcall(one, one.owner)
    assert release(one, one.owner, -1) == (RESUME, -EINVAL)
    assert one.call(one.owner, KSE_RELEASE, NOWHERE) == (RESUME, -EFAULT)
    stranger = one.thread(1)
    assert release(one, stranger) == (RESUME, -EINVAL)
    one.run_user_thread(one.box, 0)
    assert release(one, one.owner) == (RESUME, -EINVAL)


# --- user threads -----------------------------------------------------------------------------------------------------


@pytest.mark.system("kse-1")
def test_switchin_goes_on_with_a_whole_context(one):
    at = one.user_thread(5)
    words = [1000 + k for k in range(67)]
    words[33], words[66] = 0x7001, 0xFFF1F
    one.write(at + mailbox.CONTEXT, *words)
    assert one.call(one.owner, KSE_SWITCHIN, at)[0] == RESUME
    t = one.threads[one.owner]
    assert t["x"].tolist() == [0, *words[1:33]] and t["f"].tolist() == words[34:66]
    assert (t["pc"], t["fcsr"]) == (0x7000, 0x1F), "x0 is 0, pc is even, fcsr has 8 bits"
    assert one.current(one.box) == at
    one.threads[one.owner]["x"][1] = 5
    assert one.call(one.owner, KSE_SWITCHIN, at) == (RESUME, -EINVAL), "a user thread runs already"
    one.write(one.box, 0)
    assert one.call(one.owner, KSE_SWITCHIN, NOWHERE - 64) == (RESUME, -EFAULT)
    assert one.current(one.box) == 0 and t["x"][1] == 5
    assert one.call(one.owner, KSE_SWITCHIN, 0) == (RESUME, -EINVAL)


@pytest.mark.system("kse-1")
@pytest.mark.parametrize("command", [INTR_INTERRUPT, INTR_RESTART])
def test_the_call_of_a_user_thread_is_interrupted_or_begins_anew(one, command):
    new = blocked(one, one.owner, one.box, 7)
    assert one.call(new, KSE_THR_INTERRUPT, one.user_thread(6), command) == (RESUME, -ESRCH)
    assert one.call(new, KSE_THR_INTERRUPT, one.user_thread(7), command) == (RESUME, 0)
    assert one.cpus.state(one.owner)[0] == "runnable"
    assert one.threads[one.owner]["kse_interrupt"] == command


@pytest.mark.system("kse-1")
def test_other_commands(one):
    new = blocked(one, one.owner, one.box, 7)
    for command, data in ((0, 0), (5, 0), (INTR_SENDSIG, 0), (INTR_SENDSIG, 65), (INTR_SIGEXIT, -1)):
        assert one.call(new, KSE_THR_INTERRUPT, one.user_thread(7), command, data) == (RESUME, -EINVAL)
    assert one.call(new, KSE_THR_INTERRUPT, one.user_thread(7), INTR_SENDSIG, 10) == (RESUME, 0)
    assert one.threads[one.owner]["signals"] == 1 << 9
    assert one.call(new, KSE_THR_INTERRUPT, one.user_thread(7), INTR_SIGEXIT, 9) == (RESUME, -EINVAL)
    assert one.call(new, KSE_THR_INTERRUPT, 0, INTR_SIGEXIT, 9)[0] == END_TASK
    assert one.machine["tasks"][one.task]["exiting"] == 10


# --- recovery ---------------------------------------------------------------------------------------------------------


def test_groups_and_upcalls_are_rebuilt_from_the_truth_words(one):
    new = blocked(one, one.owner, one.box, 0)
    one.call(new, KSE_CREATE, one.mailbox(1), 0)
    one.call(new, KSE_CREATE, one.mailbox(2), 1)
    one.wake(one.owner)
    one.check()
    keep = one.groups[:8].copy(), one.upcalls[:8].copy(), one.threads["upcall"].copy()
    for records, names in (
        (one.groups, ("nr_upcalls", "first_upcall", "next", "previous", "nr_threads", "inside", "rising")),
        (one.upcalls, ("next", "previous")),
    ):
        for name in names:
            records[name][:8] = 5
    one.threads["upcall"] = 0
    one.machine["free_group"] = one.machine["free_upcall"] = 0
    rebuild_upcalls(one.base)
    one.check()
    for name in ("nr_upcalls", "nr_threads", "inside", "rising", "completed"):
        assert (one.groups[name][:2] == keep[0][name][:2]).all(), name
    assert (one.upcalls["owner"][:8] == keep[1]["owner"]).all()
    assert (one.threads["upcall"] == keep[2]).all()


def test_a_hand_over_that_a_kill_has_interrupted_is_finished(one):
    new = blocked(one, one.owner, one.box, 0)
    one.threads[one.owner]["kse"] = OWNER  # the new owner is written, and nothing else yet
    one.threads[one.owner]["upcall"] = 1
    rebuild_upcalls(one.base)
    one.check()
    assert (one.kse(one.owner), one.kse(new)) == (INSIDE, OWNER)
