"""Ports and channels of guests on CPU processes (rust-11)."""

import pytest

from tests.systems.guests import build_guest
from tests.systems.test_rust import finish
from tests.traces import checked_trace

HELP = """
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
enum { PAGE = 4096 };
static void fail(int line, const char *what) {
    printf("line %d: %s\\n", line, what);
    fflush(stdout);
    _exit(2);
}
#define CHECK(what) do { if (!(what)) fail(__LINE__, #what); } while (0)
static inline char *pages(long count) {
    char *at = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    return at;
}
static sigjmp_buf after_fault;
static void on_fault(int number) { siglongjmp(after_fault, number); }
static inline int faults(volatile char *at) {
    struct sigaction action = {.sa_handler = on_fault};
    sigaction(SIGSEGV, &action, NULL);
    if (sigsetjmp(after_fault, 1)) return 1;
    *at = 1;
    return 0;
}
"""

# Tasks and threads send records to one port; a child gets its channel's number by being forked, and clones it.
MANY = """
enum { SENDERS = 4, EACH = 5000 };
struct record { long who, number, check; };
static long port, chan;
static void *send_all(void *argument) {
    long who = (long)argument, done = 0;
    struct record some[32];
    while (done < EACH) {
        long n = 1 + (done + who) % 32;
        if (n > EACH - done) n = EACH - done;
        for (long k = 0; k < n; k++) some[k] = (struct record){who, done + k, who ^ (done + k)};
        long sent = n == 1 ? emu_chan_send(chan, some, sizeof some[0]) : emu_chan_send_many(chan, some, n);
        if (sent == -11) { sched_yield(); continue; }
        CHECK(sent >= 0);
        done += n == 1 ? 1 : sent;
    }
    return NULL;
}
int main(void) {
    pthread_t threads[SENDERS];
    long next[2 * SENDERS] = {0};
    CHECK((port = emu_port_create(sizeof(struct record), 0)) > 0);
    CHECK((chan = emu_chan_create(port)) > 0);
    int ready[2];
    CHECK(pipe(ready) == 0);
    for (long who = SENDERS; who < 2 * SENDERS; who++)
        if (fork() == 0) {
            CHECK(emu_port_receive(port, ready, 8, 0, NULL) == -9 && emu_chan_drop(chan) == -1);
            CHECK((chan = emu_chan_clone(chan)) > 0 && write(ready[1], "", 1) == 1);
            send_all((void *)who);
            _exit(0);
        }
    for (long who = 0; who < SENDERS; who++) pthread_create(&threads[who], NULL, send_all, (void *)who);
    struct record some[50];
    for (long got = 0, n; got < SENDERS * EACH / 2; got += n) {
        CHECK((n = emu_port_receive_many(port, some, 50, -1, NULL)) > 0 && n <= 50);
        for (long k = 0; k < n; k++) {
            CHECK(some[k].who >= 0 && some[k].who < 2 * SENDERS && some[k].number == next[some[k].who]++);
            CHECK(some[k].check == (some[k].who ^ some[k].number));
        }
    }
    char byte;
    for (int k = 0; k < SENDERS; k++) CHECK(read(ready[0], &byte, 1) == 1);
    for (long got = SENDERS * EACH / 2, n; got < 2 * SENDERS * EACH; got += n) {
        CHECK((n = emu_port_receive_many(port, some, 50, -1, NULL)) > 0);
        if (some[0].number > EACH / 2) nap(1);  // the ring fills up
        for (long k = 0; k < n; k++) CHECK(some[k].number == next[some[k].who]++);
    }
    for (long who = 0; who < 2 * SENDERS; who++) CHECK(next[who] == EACH);
    for (int k = 0; k < SENDERS; k++) pthread_join(threads[k], NULL);
    CHECK(emu_chan_drop(chan) == 0);
    CHECK(emu_port_receive_many(port, some, 50, -1, NULL) == -32);  // the last child's channel goes with it
    while (wait(NULL) > 0) {}
    return 0;
}
"""

# Pages move there and back between two tasks; what has left is a fault, and what comes is whole.
MOVES = """
int main(void) {
    enum { PAGES = 64, TURNS = 60 };
    long here = emu_port_create(0, 0), back = emu_chan_create(here), news[2];
    int to_child[2];
    CHECK(here > 0 && back > 0 && pipe(to_child) == 0);
    int child = fork();
    if (child == 0) {
        long mine = emu_port_create(PAGES * PAGE, 0), chan = emu_chan_create(mine);
        long reply = emu_chan_clone(back);
        CHECK(emu_chan_send(reply, &chan, sizeof chan) == 0);
        char *at, byte;
        CHECK(read(to_child[0], &byte, 1) == 1);
        for (int turn = 0; turn < TURNS; turn++) {
            CHECK(emu_port_receive(mine, NULL, 0, 10000000000, (void **)&at) == PAGES * PAGE);
            for (int k = 0; k < PAGES; k++) {
                CHECK(at[k * PAGE] == (char)(turn + k) && at[k * PAGE + 7] == 0);
                at[k * PAGE]++;
            }
            CHECK(emu_chan_send(reply, at, PAGES * PAGE) == 0);
            CHECK(faults(at) && faults(at + PAGES * PAGE - 1));
        }
        return 0;
    }
    CHECK(emu_port_receive(here, news, sizeof news, -1, NULL) == 8);
    long chan = emu_chan_clone(news[0]);
    long reply = emu_chan_clone(back);
    CHECK(reply > 0 && chan > 0 && write(to_child[1], "", 1) == 1);
    char *buffer = pages(PAGES + 2) + PAGE, *at;
    char *file = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, open("/proc/self/exe", O_RDONLY), 0);
    char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(emu_chan_send(reply, file, PAGE) == -22 && emu_chan_send(reply, shared, PAGE) == -22);
    CHECK(!faults(file) && emu_chan_send(reply, file, PAGE) == -22 && !faults(shared));
    for (int turn = 0; turn < TURNS; turn++) {
        for (int k = 0; k < PAGES; k++) buffer[k * PAGE] = (char)(turn + k);
        CHECK(emu_chan_send(chan, buffer, PAGES * PAGE) == 0);
        CHECK(faults(buffer) && faults(buffer + PAGES * PAGE - 1));
        if (turn == 0) CHECK(!faults(buffer - 1) && !faults(buffer + PAGES * PAGE));
        CHECK(emu_port_receive(here, NULL, 0, 10000000000, (void **)&at) == PAGES * PAGE);
        for (int k = 0; k < PAGES; k++) CHECK(at[k * PAGE] == (char)(turn + k + 1));
        buffer = at;
    }
    int status;
    CHECK(wait(&status) == child && status == 0);
    return 0;
}
"""

# Several threads receive from one port messages that move and messages that do not: each goes to one of them, whole.
RECEIVERS = """
enum { COUNT = 6000 };
static long port;
static atomic_int seen[COUNT];
static void *take(void *argument) {
    long buffer[512], got, *at;
    while ((got = emu_port_receive(port, buffer, sizeof buffer, -1, (void **)&at)) > 0) {
        CHECK(at[0] >= 0 && at[0] < COUNT && atomic_fetch_add(&seen[at[0]], 1) == 0);
        CHECK(got == (at[0] % 5 == 0 ? 24 : at[0] % 3 * PAGE + PAGE) && at[got / 8 - 1] == (at[0] % 5 ? ~at[0] : 7));
        if (got >= PAGE) CHECK(at != buffer && munmap(at, got) == 0);
    }
    CHECK(got == -32);
    return argument;
}
int main(void) {
    pthread_t threads[3];
    CHECK((port = emu_port_create(0, 50)) > 0);
    long chan = emu_chan_create(port), small[3] = {0, 0, 7}, error;
    for (int k = 0; k < 3; k++) pthread_create(&threads[k], NULL, take, NULL);
    for (long n = 0; n < COUNT; n++) {
        long size = n % 5 == 0 ? (long)sizeof small : n % 3 * PAGE + PAGE;
        long *at = n % 5 == 0 ? small : (long *)pages(n % 3 + 1);
        at[0] = n;
        if (n % 5) at[size / 8 - 1] = ~n;
        while ((error = emu_chan_send(chan, at, size)) == -11) sched_yield();
        CHECK(error == 0);
    }
    CHECK(emu_chan_drop(chan) == 0);
    for (int k = 0; k < 3; k++) pthread_join(threads[k], NULL);
    for (int k = 0; k < COUNT; k++) CHECK(seen[k] == 1);
    return 0;
}
"""

# While pages move out of it, a task's other threads store to them, and fork, map and protect. Nobody stores to what the
# receiver has: once it has come, no byte of it changes.
RACES = """
enum { PAGES = 4 };
static char *volatile buffer;
static volatile int done;
static __thread sigjmp_buf my_fault;
static void on_my_fault(int number) { siglongjmp(my_fault, number); }
static void *store(void *argument) {
    (void)argument;
    while (!done) {
        volatile char *at = buffer;
        if (sigsetjmp(my_fault, 1) == 0)
            for (char k = 1; !done; k++)
                for (int page = 0; page < PAGES; page++) at[page * PAGE + 64] = k;
    }
    return NULL;
}
static void *change(void *argument) {
    (void)argument;
    while (!done) {
        char *at = buffer, *other = pages(3);
        mprotect(at, PAGE, PROT_READ);
        mprotect(at, PAGE, PROT_READ | PROT_WRITE);
        munmap(other, 3 * PAGE);
        int child = fork();
        if (child == 0) _exit(0);
        waitpid(child, NULL, 0);
    }
    return NULL;
}
int main(void) {
    struct sigaction action = {.sa_handler = on_my_fault};
    sigaction(SIGSEGV, &action, NULL);
    int ready[2];
    CHECK(pipe(ready) == 0);
    int child = fork();
    if (child == 0) {
        long mine = emu_port_create(PAGES * PAGE, 2), chan = emu_chan_create(mine), moved = 0, size;
        CHECK(write(ready[1], &chan, 8) == 8);
        char *at;
        while ((size = emu_port_receive(mine, NULL, 0, -1, (void **)&at)) == PAGES * PAGE) {
            char first[PAGES];
            for (int page = 0; page < PAGES; page++) first[page] = ((volatile char *)at)[page * PAGE + 64];
            for (int look = 0; look < 300; look++)
                for (int page = 0; page < PAGES; page++) CHECK(((volatile char *)at)[page * PAGE + 64] == first[page]);
            munmap(at, PAGES * PAGE);
            if (moved++ == 0) CHECK(emu_chan_drop(chan) == 0);  // the sender has its own by now
        }
        CHECK(size == -32 && moved > 0);
        return 0;
    }
    long chan, sent = 0;
    CHECK(read(ready[0], &chan, 8) == 8 && (chan = emu_chan_clone(chan)) > 0);
    pthread_t threads[2];
    buffer = pages(PAGES);
    pthread_create(&threads[0], NULL, store, NULL);
    pthread_create(&threads[1], NULL, change, NULL);
    while (sent < 15000) {
        long error = emu_chan_send(chan, buffer, PAGES * PAGE);
        CHECK(error == 0 || error == -11 || error == -22);  // full, or just protected
        if (error == 0) { buffer = pages(PAGES); sent++; }
        if (error == -11) sched_yield();
    }
    done = 1;
    for (int k = 0; k < 2; k++) pthread_join(threads[k], NULL);
    CHECK(emu_chan_drop(chan) == 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    return 0;
}
"""

LEAVERS = """
static long chan;
static void *send_on(void *argument) {
    long error = (long)argument;
    while ((error = emu_chan_send(chan, &chan, 8)) == 0 || error == -11) {}
    return (void *)error;
}
int main(int argc, char **argv) {
    long word = 0, port;
    if (argc > 1) return emu_chan_send(atol(argv[1]), &word, 8) == -9 ? 7 : 8;
    pthread_t thread;
    void *error;
    /* closed while others send */
    for (int k = 0; k < 50; k++) {
        CHECK((port = emu_port_create(8, 0)) > 0 && (chan = emu_chan_create(port)) > 0);
        pthread_create(&thread, NULL, send_on, NULL);
        CHECK(emu_port_receive(port, &word, 8, -1, NULL) == 8 && word == chan);
        CHECK(emu_port_close(port) == 0);
        pthread_join(thread, &error);
        CHECK((long)error == -32 && emu_chan_send(chan, &word, 8) == -32 && emu_chan_drop(chan) == 0);
        CHECK(emu_chan_send(chan, &word, 8) == -9);
    }
    /* the receiver's task is killed while it waits, with messages and pages on their way to it */
    int status, news[2];
    CHECK(pipe(news) == 0);
    int child = fork();
    if (child == 0) {
        port = emu_port_create(0, 0), word = emu_chan_create(port);
        CHECK(write(news[1], &word, 8) == 8);
        for (;;) pause();
    }
    CHECK(read(news[0], &word, 8) == 8 && (chan = emu_chan_clone(word)) > 0);
    for (int k = 0; k < 20; k++) {
        char *at = pages(16);
        memset(at, k, 16 * PAGE);
        CHECK(emu_chan_send(chan, at, 16 * PAGE) == 0 && emu_chan_send(chan, &word, 8) == 0);
    }
    kill(child, SIGKILL);
    CHECK(waitpid(child, &status, 0) == child);
    char *at = pages(4);
    memset(at, 1, 4 * PAGE);
    CHECK(emu_chan_send(chan, at, 4 * PAGE) == -32 && at[PAGE] == 1);
    /* the senders' task ends: what it sent before is received */
    CHECK((port = emu_port_create(0, 0)) > 0 && (word = emu_chan_create(port)) > 0);
    child = fork();
    if (child == 0) {
        long mine = emu_chan_clone(word);
        at = pages(2);
        strcpy(at, "left behind");
        CHECK(emu_chan_send(mine, &mine, 8) == 0 && emu_chan_send(mine, at, 2 * PAGE) == 0);
        for (;;) pause();
    }
    CHECK(emu_port_receive(port, &chan, 8, -1, NULL) == 8 && emu_chan_drop(word) == 0);
    kill(child, SIGKILL);
    CHECK(emu_port_receive(port, NULL, 0, -1, (void **)&at) == 2 * PAGE && !strcmp(at, "left behind"));
    CHECK(emu_port_receive(port, NULL, 0, -1, (void **)&at) == -32);
    CHECK(waitpid(child, &status, 0) == child && emu_chan_send(chan, &word, 8) == -9);
    /* a program that is executed has none of it */
    CHECK((chan = emu_chan_create(port)) > 0);
    if ((child = fork()) == 0) {
        char number[32];
        long mine = emu_port_create(0, 0);
        snprintf(number, sizeof number, "%ld", emu_chan_create(mine));
        execl("/proc/self/exe", argv[0], number, NULL);
        return 9;
    }
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
    /* all this is dropped at the end, with what nobody receives */
    for (int k = 0; k < 20; k++) CHECK(emu_chan_send(chan, pages(8), 8 * PAGE) == 0);
    return 0;
}
"""

# One thread waits for several ports; whoever sends wakes it.
SELECTS = """
enum { PORTS = 5, EACH = 2000 };
static long ports[PORTS], chans[PORTS];
static void *send_one(void *argument) {
    long k = (long)argument;
    for (long n = 0; n < EACH; n++) {
        long error;
        while ((error = emu_chan_send(chans[k], &n, 8)) == -11) sched_yield();
        CHECK(error == 0);
        if (n % 7 == 0) sched_yield();
    }
    CHECK(emu_chan_drop(chans[k]) == 0);
    return NULL;
}
int main(void) {
    pthread_t threads[PORTS];
    long next[PORTS] = {0}, left = PORTS;
    for (long k = 0; k < PORTS; k++)
        CHECK((ports[k] = emu_port_create(8, 10)) > 0 && (chans[k] = emu_chan_create(ports[k])) > 0);
    CHECK(emu_port_select(ports, PORTS, 2000000) == -110 && emu_port_select(ports, PORTS, 0) == -11);
    for (long k = 0; k < PORTS; k++) pthread_create(&threads[k], NULL, send_one, (void *)k);
    long which[PORTS] = {0, 1, 2, 3, 4}, open[PORTS];
    while (left) {
        for (long k = 0; k < left; k++) open[k] = ports[which[k]];
        long k = emu_port_select(open, left, -1), word;
        CHECK(k >= 0 && k < left);
        long n = emu_port_receive(open[k], &word, 8, 0, NULL);
        if (n == -32) { CHECK(next[which[k]] == EACH); which[k] = which[--left]; continue; }
        CHECK(n == 8 && word == next[which[k]]++);
    }
    for (long k = 0; k < PORTS; k++) pthread_join(threads[k], NULL);
    return 0;
}
"""


def run_guest(boot, seed, directory, text, cpus=2):
    with boot(cpus, seed=seed) as machine:
        job = machine.spawn(build_guest(directory, HELP + text))
        finish(machine)
        assert job.exit_status == 0, machine.output.read_text()


@pytest.mark.system("rust-11")
@pytest.mark.parametrize("text", [MANY, MOVES, SELECTS, RECEIVERS], ids=["many", "moves", "selects", "receivers"])
def test_messages_come_whole_and_in_order_within_and_between_tasks(boot, seed, tmp_path, text):
    run_guest(boot, seed, tmp_path, text)


@pytest.mark.system("rust-11")
def test_either_end_may_go_first_and_nothing_is_left(boot, seed, tmp_path):
    run_guest(boot, seed, tmp_path, LEAVERS)


@pytest.mark.system("rust-11")
def test_nobody_stores_to_pages_that_have_moved_whatever_the_senders_threads_do(boot, seed, tmp_path):
    run_guest(boot, seed, tmp_path, RACES, cpus=3)


TRACED = """
int main(void) {
    struct emu_mail m;
    long port = emu_port_create(0, 0), chan = emu_chan_create(port);
    char *at = pages(3), *there;
    for (int k = 0; k < 5; k++)
        CHECK(emu_mailbox_send(gettid(), k, 0, 0, 0) == 0 && emu_mailbox_receive(&m, 0) == gettid());
    CHECK(emu_chan_send(chan, &m, 8) == 0 && emu_chan_send(chan, at, 3 * PAGE) == 0);
    CHECK(emu_port_receive(port, &m, 8, 0, NULL) == 8);
    CHECK(emu_port_receive(port, NULL, 0, 0, (void **)&there) == 3 * PAGE);
    return 0;
}
"""


@pytest.mark.system("rust-11")
@pytest.mark.system("inko-4")
def test_a_trace_has_each_message_and_what_moved(boot, seed, tmp_path):
    with boot(1, seed=seed, trace=tmp_path / "trace") as machine:
        job = machine.spawn(build_guest(tmp_path, HELP + TRACED))
        finish(machine)
        assert job.exit_status == 0, machine.output.read_text()
    trace = checked_trace(machine)
    sent, received, moved = (trace.of_kind(name) for name in ("send", "receive", "move"))
    me = int(sent[0]["a"])
    assert [int(event["a"]) for event in sent] == [me] * 5 + [~0] * 2  # its own mailbox, port 0
    assert [int(event["a"]) for event in received] == [me] * 5 + [~0] * 2
    assert [int(event["b"]) for event in moved] == [3 * 4096]
