"""Who must be told is told, by an interrupt and at once: runners, suspenders, and threads that wait in the server."""

import time

import pytest

from emu.kernel.ipi import post
from emu.limits import IPI_RESCHEDULE, SUPERVISOR
from tests.systems.guests import build_guest
from tests.systems.test_rust import finish

SPINS = """
int main(void) {
    for (;;)
        ;
}
"""
TOLD_S = 15.0  # far more than a machine needs to stop a thread, however busy the host


def one_thread(machine, state):
    """The only thread of the machine, once it is in a state."""
    end = time.monotonic() + 60
    while True:
        threads = machine.threads()
        if len(threads) == 1 and threads[0].state == state:
            return threads[0]
        assert time.monotonic() < end, f"{threads} instead of one that is {state}"
        time.sleep(0.001)


def until_told(machine, monkeypatch):
    """The supervisor waits long, and it is an error when nobody ends that."""
    real = machine._poll

    def poll(timeout):
        begun = time.monotonic()
        real(timeout)
        assert time.monotonic() - begun < TOLD_S, "nobody told the supervisor"

    monkeypatch.setattr(machine, "_patience", lambda deadline: TOLD_S)
    monkeypatch.setattr(machine, "_poll", poll)


@pytest.mark.system("rust-3")
def test_what_is_done_just_after_the_supervisor_has_looked_does_not_let_it_sleep(boot, seed, monkeypatch):
    with boot(1, seed=seed) as machine:
        news = []

        def done():
            if news:
                return True
            news.append("done a moment later")
            post(machine.window.address, SUPERVISOR, SUPERVISOR, IPI_RESCHEDULE)
            return False

        monkeypatch.setattr(machine, "_poll", lambda timeout: pytest.fail("it sleeps, although it was told"))
        machine._sleep(done, None)
        monkeypatch.undo()
        finish(machine)


@pytest.mark.system("cz-5")
def test_a_suspender_is_told_when_the_thread_has_stopped(boot, seed, tmp_path, monkeypatch):
    with boot(2, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, SPINS))
        thread = one_thread(machine, "running")
        with monkeypatch.context() as patch:
            until_told(machine, patch)
            for _ in range(30):
                machine.suspend(thread)
                machine.resume(thread)
        machine.kill(job)
        finish(machine)


@pytest.mark.system("cz-5")
def test_a_running_thread_is_interrupted_in_the_middle_of_its_budget(boot, seed, tmp_path):
    """Without an interrupt it would stop as well, but only where its CPU's tick comes."""
    with boot(2, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, SPINS))
        thread = one_thread(machine, "running")
        left = []
        for _ in range(20):
            cpu = one_thread(machine, "running").cpu
            machine.suspend(thread)
            c = machine.window.machine["cpus"][cpu]
            left.append(int(c["tick_at"] - c["instructions"]))
            machine.resume(thread)
        assert sum(instructions > 0 for instructions in left) > 10, f"instructions left of the budget: {left}"
        machine.kill(job)
        finish(machine)


@pytest.mark.system("cz-5")
def test_a_sleep_that_was_suspended_goes_on_until_its_old_deadline(boot, seed):
    with boot(2, seed=seed) as machine:
        job = machine.spawn("sleepers", 1, 3_600_000)
        end = time.monotonic() + 60
        while len(sleeping := [t for t in machine.threads(job) if deadline_of(machine, t)]) != 1:
            assert time.monotonic() < end
            time.sleep(0.001)
        thread, deadline = sleeping[0], deadline_of(machine, sleeping[0])
        for _ in range(10):
            machine.suspend(thread)
            assert deadline_of(machine, thread) == 0, "it sleeps as a suspended thread"
            machine.resume(thread)
            while not (now := deadline_of(machine, thread)):
                assert time.monotonic() < end
                time.sleep(0.001)
            assert now == deadline
        machine.kill(job)
        finish(machine)


def deadline_of(machine, thread):
    """Of a thread that sleeps on time, in ns; 0 of another."""
    t = machine.window.machine["threads"][thread.handle & 0xFFFFFFFF]
    word = int(t["sleep"])
    return int(t["deadline_ns"]) if word > 0 and word & 0x80 else 0


SIGNALLED_ACCEPTOR = """
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
static atomic_int handled, announced, ended;
static int listening;
static pthread_t acceptor;
static void handler(int number) {
    (void)number;
    atomic_fetch_add(&handled, 1);
}
static void *accept_on(void *argument) {
    for (int k = 1; k <= ROUNDS; k++) {
        atomic_store(&announced, k);
        while (accept(listening, NULL, NULL) >= 0) /* nobody connects: only a signal ends it */
            ;
        atomic_store(&ended, k);
    }
    for (;;) /* the last round's signals still find it */
        nap(1000);
    return argument;
}
static int wait_for(atomic_int *word, int value) {
    time_t begun = time(NULL);
    while (atomic_load(word) < value)
        if (time(NULL) - begun > 20)
            return 0;
    return 1;
}
int main(int argc, char **argv) {
    (void)argc;
    struct sigaction action = {.sa_handler = handler}; /* without SA_RESTART */
    unsigned chance = atoi(argv[1]);
    sigaction(SIGUSR1, &action, NULL);
    struct sockaddr_un name = {AF_UNIX, "@nobody"};
    name.sun_path[0] = 0;
    listening = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listening, (void *)&name, sizeof name) != 0 || listen(listening, 1) != 0)
        return 2;
    if (pthread_create(&acceptor, NULL, accept_on, NULL) != 0)
        return 2;
    int sent = 0;
    for (int k = 1; k <= ROUNDS; k++) {
        if (!wait_for(&announced, k))
            return 3;
        do { /* again where the handler ran before the call began */
            chance = chance * 1103515245 + 12345;
            for (volatile int n = chance >> 16 & 0x3fff; n > 0; n--)
                ; /* up to some 100 us: the call is at any stage of being served */
            pthread_kill(acceptor, SIGUSR1);
            if (!wait_for(&handled, ++sent))
                return 4; /* it came while the server had the thread, and nobody looked again */
            nap(50);
        } while (atomic_load(&ended) < k);
    }
    return 0;
}
"""


@pytest.mark.system("cz-4")
def test_a_signal_for_a_thread_whose_call_the_server_is_about_to_block_is_taken(boot, seed, tmp_path):
    guest = build_guest(tmp_path, SIGNALLED_ACCEPTOR.replace("ROUNDS", "300"))
    with boot(2, seed=seed) as machine:
        job = machine.spawn(guest, seed & 0xFFFF)
        finish(machine)
        assert job.exit_status == 0


SHOWS_CHANCE = """
#include <sys/auxv.h>
#include <sys/random.h>
int main(void) {
    unsigned char *given = (unsigned char *)getauxval(AT_RANDOM), asked[16];
    if (getrandom(asked, 16, 0) != 16)
        return 2;
    for (int k = 0; k < 16; k++)
        printf("%02x%02x", given[k], asked[k]);
    return 0;
}
"""


@pytest.mark.system("rust-13")
def test_what_guests_see_of_chance_comes_from_the_seed(boot, tmp_path):
    guest = build_guest(tmp_path, SHOWS_CHANCE)

    def seen(seed):
        with boot(1, seed=seed) as machine:
            machine.spawn(guest)
            finish(machine)
            return machine.output.read_bytes()

    assert seen(3) == seen(3) != seen(4)
