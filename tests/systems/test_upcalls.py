"""Upcalls on whole machines, by guests with a scheduler of their own on the raw calls (kse-1 to kse-4, kse-12)."""

import os
import random

import pytest

from emu.guests import build
from emu.kernel.thread.states import SLEEP_SERVER
from emu.testing.checks import check_machine
from emu.trace.text import one_line
from tests.guests.programs import SOURCES
from tests.systems.guests import build_guest
from tests.systems.test_hotplug import change_cpus
from tests.systems.test_rust import finish, wait_for
from tests.systems.test_timekeeper import wait_until
from tests.systems.user_threads import USER_THREADS
from tests.traces import checked_trace

LIMIT_S = 60
FOR_EVER = 1 << 40


@pytest.fixture(scope="module")
def exactly_once(tmp_path_factory):
    path = tmp_path_factory.mktemp("native") / "exactly_once"
    build.compile_c(SOURCES / "native" / "exactly_once.c", path)
    return str(path)


def ends_whole(machine):
    report = finish(machine, LIMIT_S)
    assert report.leaks == {}
    check_machine(machine.window, machine.config.policy)
    return report


def ends_well(machine, *jobs):
    """The machine runs to its end, and each of these jobs has had all contexts of its threads."""
    ends_whole(machine)
    text = machine.output.read_text()
    assert [job.exit_status for job in jobs] == [0] * len(jobs), text
    return text


@pytest.mark.system("kse-1")
@pytest.mark.system("kse-2")
@pytest.mark.system("kse-3")
@pytest.mark.system("kse-12")
@pytest.mark.parametrize(
    ("cpus", "policy", "arguments"),
    [
        (1, "inko", (8, 1, 200, 0)),
        (2, "eevdf", (12, 2, 200, 0)),
        (3, "random", (12, 3, 200, 1)),
        (2, "bsd4", (8, 3, 200, 0)),
    ],
)
def test_each_context_comes_exactly_once_and_whole(boot, seed, exactly_once, cpus, policy, arguments):
    with boot(cpus, policy, seed=seed) as machine:
        job = machine.spawn(exactly_once, *arguments)
        text = ends_well(machine, job)
        assert text.startswith("ok ") and int(text.split()[1]) > 0


@pytest.mark.system("kse-2")
@pytest.mark.system("kse-3")
def test_a_trace_has_each_upcall_and_each_context_that_left_the_kernel(boot, seed, exactly_once, tmp_path):
    with boot(2, seed=seed, trace=tmp_path / "trace") as machine:
        job = machine.spawn(exactly_once, 8, 2, 100, 0)
        report = ends_whole(machine)
        assert job.exit_status == 0
    trace = checked_trace(machine)
    upcalls, exports = trace.of_kind("upcall"), trace.of_kind("export")
    assert (len(upcalls), len(exports)) == (report.upcalls, report.contexts) and report.contexts > 100
    assert len(set(upcalls["a"].tolist())) == 2, "mailboxes"
    brought = set(upcalls["b"].tolist()) - {0}
    assert brought <= set(exports["a"].tolist()), "lists that begin with a context that had left"
    assert f"user_thread={int(exports['a'][0]):#x}" in one_line(trace, exports[0])


@pytest.mark.system("kse-3")
@pytest.mark.parametrize("policy", ["inko", "bsd4"])
def test_no_context_is_lost_while_cpus_come_and_go(boot, seed, exactly_once, policy):
    with boot(2, policy, seed=seed) as machine:
        job = machine.spawn(exactly_once, 12, 3, 400, 0)
        added, removed = change_cpus(machine, random.Random(seed), 8, 4)
        assert added and removed
        assert ends_well(machine, job).startswith("ok ")


@pytest.mark.system("kse-3")
@pytest.mark.system("kse-4")
def test_kills_at_random_moments_leave_nothing_of_groups_and_others_go_on(boot, seed, exactly_once):
    rand = random.Random(seed)
    with boot(3, seed=seed) as machine:
        upcalls = machine.window.machine["cpus"]["upcalls"]
        jobs = [machine.spawn(exactly_once, 8, 2, rounds, 0) for rounds in (FOR_EVER, FOR_EVER, 200)]
        for job in jobs[:2]:
            end = int(upcalls.sum()) + rand.randrange(1, 1000)
            wait_until(lambda end=end: upcalls.sum() >= end)
            machine.kill(job)
            wait_for(job)
        assert ends_well(machine, jobs[2]).startswith("ok ")
        assert [job.exit_status for job in jobs[:2]] == [137, 137]


# One user thread makes a call that sleeps. The library acts on it in the upcall that this makes: at
# once, or when the system server has put the call off.
INTERRUPTED = """
static int command, kind, is_late, pipes[2], upcalls, handled;
enum { PIPE, LOOKS_AGAIN, STREAM, SLEEP, FUTEX };
static char byte;
static atomic_int word;
static void count_signal(int number) { handled += number == SIGUSR1; }
static void sleeper(long k) {
    struct timespec hour = {3600, 0};
    long result;
    if (kind == SLEEP)
        result = call(SYS_nanosleep, (long)&hour, 0, 0, 0);
    else if (kind == FUTEX)
        result = call(SYS_futex, (long)&word, 0 /* WAIT */, 0, (long)&hour);
    else
        result = call(SYS_read, kind == STREAM ? 0 : pipes[0], (long)&byte, 1, 0);
    check(result == (command == KSE_INTR_RESTART ? 1 : -4), 20);
    check(handled == (command == KSE_INTR_SENDSIG), 21);
    threads[k].flags = TMF_NOUPCALL;
    boxes[0].current = NULL;
    check(kse_thr_interrupt(&threads[k], command, SIGUSR1) == -3, 22);
    check(0, 0);
}
/* The sleeper is woken, and finds nothing: it is about to sleep again. */
static int looks_again(void) {
    char other;
    fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    check(write(pipes[1], "x", 1) == 1, 23);
    int is_mine = read(pipes[0], &other, 1) == 1;
    fcntl(pipes[0], F_SETFL, 0);
    return is_mine;
}
static void library(struct kse_mailbox *box) {
    struct kse_thr_mailbox *completed = box->completed;
    box->completed = NULL;
    if (completed != NULL)
        go_on(completed);
    if (++upcalls == 1)
        go_on(&threads[0]);
    if (is_late && upcalls == 2)
        while (access("/host/go", F_OK) != 0)
            nap(1000);
    if (upcalls == 2) {
        check(kind != LOOKS_AGAIN || looks_again(), 24);
        check(kse_thr_interrupt(&threads[1], command, SIGUSR1) == -3, 25);
        check(kse_thr_interrupt(&threads[0], command, SIGUSR1) == 0, 26);
    } else if (command == KSE_INTR_RESTART && kind == STREAM)
        emu_print("again\\n");
    else if (command == KSE_INTR_RESTART)
        check(write(pipes[1], "x", 1) == 1, 27);
    for (;;)
        kse_release(NULL);
}
int main(int argc, char **argv) {
    struct sigaction action = {.sa_handler = count_signal};
    command = atoi(argv[1]), kind = atoi(argv[2]), is_late = atoi(argv[argc - 1]);
    sigaction(SIGUSR1, &action, NULL);
    pipe(pipes);
    prepare(0, sleeper);
    check(create(0, library, 0) == 0, 28);
    library(&boxes[0]);
}
"""
INTERRUPT, RESTART, SENDSIG = 1, 2, 3
PIPE, LOOKS_AGAIN, STREAM, SLEEP, FUTEX = range(5)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    return build_guest(tmp_path_factory.mktemp("interrupted"), USER_THREADS + INTERRUPTED)


@pytest.mark.system("kse-1")
@pytest.mark.parametrize(
    ("command", "kind", "late"),
    [
        (INTERRUPT, PIPE, 0),
        (INTERRUPT, LOOKS_AGAIN, 0),
        (INTERRUPT, STREAM, 0),
        (INTERRUPT, STREAM, 1),
        (INTERRUPT, SLEEP, 0),
        (INTERRUPT, FUTEX, 0),
        (RESTART, PIPE, 0),
        (RESTART, STREAM, 0),
        (RESTART, STREAM, 1),
        (SENDSIG, PIPE, 0),
        (SENDSIG, STREAM, 0),
        (SENDSIG, SLEEP, 0),
    ],
)
def test_the_call_of_a_user_thread_is_interrupted_begins_anew_or_gets_a_signal(
    boot, seed, tmp_path, interrupted, command, kind, late
):
    host = tmp_path / "host"
    host.mkdir()
    reader, writer = os.pipe()
    with (
        os.fdopen(reader) as stream,
        os.fdopen(writer, "wb", buffering=0) as words,
        boot(1, seed=seed, stdin=stream.fileno(), mounts=[f"{host}:/host"]) as machine,
    ):
        job = machine.spawn(interrupted, command, kind, late)
        if late:
            threads = machine.window.machine["threads"][:8]
            wait_until(lambda: ((threads["sleep_reason"] == SLEEP_SERVER) & (threads["sleep"] > 0)).any())
            (host / "go").touch()
        if (command, kind) == (RESTART, STREAM):
            wait_until(lambda: machine.output.read_bytes() == b"again\n")
            words.write(b"x")
        ends_well(machine, job)
