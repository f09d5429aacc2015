"""Events say why: the causes that real CPU processes record of each wake-up, preemption, migration, sleep and call."""

import time
from collections import Counter

import pytest

from emu.abi.syscall_numbers import NUMBERS
from emu.trace.wakers import wakers
from tests.systems.guests import build_guest
from tests.systems.test_rust import finish
from tests.traces import checked_trace

PATIENCE_S = 60

MEETING = """
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>
enum { ROUNDS = 4000, DELAYS = 400 };
static atomic_int word, about_to_sleep;
static void *wake(void *unused) {
    for (int k = 1; k <= ROUNDS; k++) {
        while (atomic_load(&about_to_sleep) != k)
            ;
        for (volatile int delay = k % DELAYS; delay > 0; delay--)
            ;
        atomic_store(&word, k);
        syscall(SYS_futex, &word, FUTEX_WAKE, 1);
    }
    return unused;
}
int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, wake, 0);
    for (int k = 1; k <= ROUNDS; k++) {
        atomic_store(&about_to_sleep, k);
        while (atomic_load(&word) == k - 1)
            syscall(SYS_futex, &word, FUTEX_WAIT, k - 1, 0);
    }
    return pthread_join(thread, 0);
}
"""  # one wakes the other a little later, in each round, while that one goes to sleep on its own CPU

SIGNALLED = """
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
static volatile int done, caught;
static void handler(int n) { (void)n; caught++; }
static void *napper(void *unused) {
    while (!done) usleep(3000);  // the sleep after an interrupted one ends by its time
    return unused;
}
int main(void) {
    pthread_t thread;
    struct sigaction act = {.sa_handler = handler};
    sigaction(SIGUSR1, &act, 0);
    pthread_create(&thread, 0, napper, 0);
    for (int sent = 1; sent <= 12; sent++) {
        usleep(8000);
        pthread_kill(thread, SIGUSR1);
        while (caught < sent) usleep(100);
    }
    done = 1;
    return pthread_join(thread, 0);
}
"""


def reasons(trace, kind, name):
    """How often each value of an argument occurs, by its name."""
    events = trace.of_kind(kind)
    table = trace.header["values"][trace.header["tables"].get(f"{kind}.{name}") or trace.header["tables"][name]]
    return Counter(table.get(number, number) for number in trace.values(events, kind, name).tolist())


@pytest.mark.parametrize("policy", ["inko", "eevdf"])
def test_a_signal_that_ends_a_sleep_is_told_apart_from_a_time_out(boot, tmp_path, seed, policy):
    with boot(2, policy, seed=seed, trace=tmp_path / "trace") as machine:
        machine.spawn(build_guest(tmp_path, SIGNALLED))
        assert finish(machine).leaks == {}
    trace = checked_trace(machine)
    found = wakers(trace)
    names = trace.header["values"]["wake_cause"]
    causes = Counter(names[cause] for cause in found.cause.tolist())
    assert causes["signal"] >= 5 and causes["timer"] > causes["signal"], causes
    for cause, thread, call in zip(found.cause.tolist(), found.thread.tolist(), found.call.tolist()):
        if names[cause] == "signal":
            assert thread == 0 and call == NUMBERS["tkill"] + 1, "the thread that sent it, in its call"
        elif names[cause] == "timer":
            assert thread == -1
    timed_out = trace.of_kind("timer")
    assert len(timed_out) == causes["timer"], "each time-out, and no other wake-up, is one"


def test_who_claims_a_sleep_is_told_also_where_the_sleepers_own_cpu_completes_the_wake_up(boot, tmp_path, seed):
    """A waker that comes before the sleeper's CPU has let go of it leaves the rest to that CPU."""
    claimed, end, told = 0, time.monotonic() + PATIENCE_S, set()
    meeting = build_guest(tmp_path, MEETING)
    while claimed < 3 and time.monotonic() < end:
        with boot(2, "inko", seed=seed, trace=tmp_path / "trace") as machine:
            machine.spawn(meeting)
            assert finish(machine).leaks == {}
        trace = checked_trace(machine)
        causes = trace.header["values"]["wake_cause"]
        wakes = trace.values(trace.of_kind("wake"), "wake", "cause").tolist()
        found = wakers(trace)
        for cause, known, thread in zip(wakes, found.cause.tolist(), found.thread.tolist()):
            if causes.get(cause) == "claimed":
                claimed += 1
                told.add((causes[known], thread >= 0))
    assert claimed >= 3 and told <= {("thread", True), ("timer", False)} and ("thread", True) in told


def test_a_suspension_and_its_end_are_causes(boot, tmp_path, seed):
    with boot(2, seed=seed, trace=tmp_path / "trace") as machine:
        job = machine.spawn("sleepers", 2, 3_600_000)
        while len(machine.threads(job)) < 3:
            time.sleep(0.002)
        [thread] = machine.threads(job)[-1:]
        assert machine.suspend(thread) and machine.resume(thread)
        machine.kill(job)
        finish(machine)
    trace = checked_trace(machine)
    causes = [trace.header["values"]["wake_cause"][cause] for cause in wakers(trace).cause.tolist()]
    assert causes.count("resume") == 1 and "signal" in causes


@pytest.mark.parametrize(("policy", "expected"), [("random", "slice"), ("eevdf", "tick")])
def test_a_preemption_says_on_whose_word(boot, tmp_path, seed, policy, expected):
    with boot(1, policy, seed=seed, trace=tmp_path / "trace", slice_ns=2_000_000) as machine:
        machine.spawn("independent", 3, 20_000_000)
        finish(machine)
    found = reasons(checked_trace(machine), "preempt", "why")
    assert found[expected] >= 2 and not found.keys() - {expected, "woken"}


def test_a_woken_thread_that_the_policy_prefers_is_named(boot, tmp_path, seed):
    with boot(1, "eevdf", seed=seed, trace=tmp_path / "trace") as machine:
        machine.spawn("independent", 1, 200_000_000)
        machine.spawn("naps", 40, 1000)
        finish(machine)
    trace = checked_trace(machine)
    events = trace.of_kind("preempt")
    woken = trace.values(events, "preempt", "why") == _number(trace, "preempt_why", "woken")
    assert woken.sum() > 5
    switches, wakes, next_is_by = trace.of_kind("switch"), trace.of_kind("wake"), 0

    def woken_ns(thread, before_ns):
        times = wakes["time_ns"][(wakes["thread"] == thread) & (wakes["time_ns"] <= before_ns)]
        return int(times[-1]) if len(times) else 0

    for event, by in zip(events[woken], trace.values(events[woken], "preempt", "by").tolist()):
        after = switches[(switches["actor"] == event["actor"]) & (switches["time_ns"] >= event["time_ns"])]
        ran, now_ns = int(after["thread"][0]), int(after["time_ns"][0])
        assert by - 1 != int(event["thread"])
        assert ran == by - 1 or woken_ns(ran, now_ns) > woken_ns(by - 1, now_ns), "it runs next, or one that woke later"
        next_is_by += ran == by - 1
    assert next_is_by > 5


def _number(trace, table, name):
    return next(number for number, text in trace.header["values"][table].items() if text == name)


def test_threads_of_a_cpu_that_leaves_say_so_when_they_move(boot, tmp_path, seed):
    with boot(2, "eevdf", seed=seed, trace=tmp_path / "trace") as machine:
        job = machine.spawn("independent", 6, 1 << 40)
        while len(machine.threads(job)) < 7 or not any(t.cpu == 1 for t in machine.threads(job)):
            time.sleep(0.002)
        machine.remove_cpu(1)
        machine.kill(job)
        finish(machine)
    found = reasons(checked_trace(machine), "migrate", "why")
    assert found["cpu_leaves"] > 0 and not found.keys() - {"cpu_leaves", "balance"}


def test_one_queue_for_all_and_its_placing(boot, tmp_path, seed):
    with boot(2, "alux", seed=seed, trace=tmp_path / "trace") as machine:
        machine.spawn("pingpong", 100)
        finish(machine)
    trace = checked_trace(machine)
    assert reasons(trace, "wake", "place").keys() <= {"chosen", "stays", "global"}


def test_a_call_that_did_not_sleep_is_recorded_with_its_error(boot, tmp_path, seed):
    source = "#include <unistd.h>\nint main(void) { for (int i = 0; i < 50; i++) { getppid(); close(77); } }"
    with boot(1, seed=seed, trace=tmp_path / "trace") as machine:
        machine.spawn(build_guest(tmp_path, source))
        finish(machine)
    trace = checked_trace(machine)
    events = trace.of_kind("call")
    calls, failed = trace.values(events, "call", "call"), trace.values(events, "call", "failed")
    assert (failed[calls == NUMBERS["getppid"] + 1] == 0).sum() == 50
    assert (failed[calls == NUMBERS["close"] + 1] == 9).sum() == 50, "EBADF"
    took_ns = events["b"]  # 0 where the host's clock goes on in steps
    assert (took_ns >= 0).all() and took_ns.any() and (took_ns < 1_000_000_000).all()


def test_a_parked_cpu_says_when_it_is_awake_again(boot, tmp_path, seed):
    with boot(1, seed=seed, trace=tmp_path / "trace") as machine:
        machine.spawn("naps", 10, 5000)
        finish(machine)
    trace = checked_trace(machine)
    parks, unparks = trace.of_kind("park"), trace.of_kind("unpark")
    assert len(unparks) >= 10 and abs(len(parks) - len(unparks)) <= 1
    for park, unpark in zip(parks, unparks):
        assert park["time_ns"] < unpark["time_ns"]
