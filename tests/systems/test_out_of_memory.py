"""Guest memory is used up: those that take it end with that reason, and the others live on (cz-10)."""

import numpy as np
import pytest

from emu.kernel.thread.states import TASK_ALIVE
from emu.kernel.vm.address_space import DESTROYED
from emu.server.memory_shortage import MemoryShortage
from tests.systems.guests import build_guest

GREEDY = """
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
enum { OWN = 1 << 20, HOGS = 3 };
static volatile char *map(long size) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}
/* The modest one takes a little memory and gives it back, again and again, until the last hog has ended. */
static int modest(int ends) {
    char c;
    fcntl(ends, F_SETFL, O_NONBLOCK);
    for (int rounds = 1;; rounds++) {
        volatile char *own = map(OWN);
        for (int i = 0; i < OWN; i += 512)
            own[i] = (char)(i >> 9 | rounds);
        for (int i = 0; i < OWN; i += 512)
            if (own[i] != (char)(i >> 9 | rounds))
                return 9;
        munmap((void *)own, OWN);
        if (read(ends, &c, 1) == 0)
            return 0;
    }
}
int main(int argc, char **argv) {
    int together = argc > 1 && argv[1][0] == 't', ends[2], status, killed = 0;
    pipe(ends);
    pid_t lives = fork();
    if (lives == 0) {
        close(ends[1]);
        _exit(modest(ends[0]));
    }
    for (int k = 0; k < HOGS; k++) {
        pid_t hog;
        while ((hog = fork()) < 0) {} /* the one before has taken all, and will be killed */
        if (hog == 0) {
            close(ends[1]);
            volatile char *all = map(1L << 30);
            for (long i = 0; i < 1L << 30; i += 4096)
                all[i] = 1;
            _exit(4);
        }
        if (!together)
            killed += wait(&status) != lives && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }
    for (int k = 0; together && k < HOGS; k++)
        killed += wait(&status) != lives && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    close(ends[1]);
    waitpid(lives, &status, 0);
    printf("%d killed, the other ended with %x\\n", killed, status);
}
"""


@pytest.fixture(scope="module")
def greedy(tmp_path_factory):
    return build_guest(tmp_path_factory.mktemp("greedy"), GREEDY)


@pytest.mark.system("cz-10")
@pytest.mark.parametrize("cpus", [1, 2, 4])
@pytest.mark.parametrize("how", ["one-by-one", "together"])
def test_who_takes_all_memory_is_killed_and_not_who_asks_for_the_last_page(boot, greedy, cpus, how):
    with boot(cpus, memory="24M") as machine:
        job = machine.spawn(greedy, how)
        report = machine.run(limit_s=100)
        assert machine.output.read_text() == "3 killed, the other ended with 0\n"
    assert job.exit_status == 0 and report.leaks == {} and report.failure == ""


class FakeServer:
    """Tasks of some sizes, none of which gets to its end, and a number of free frames."""

    def __init__(self, free, *sizes):
        tasks = np.zeros(len(sizes) + 1, [(name, "i8") for name in ("state", "root", "exiting", "resident")])
        tasks["resident"][:-1] = sizes
        tasks["state"][:-1] = TASK_ALIVE
        self.machine = {
            "nr_free_frames": free, "tasks": tasks, "fresh_task": len(sizes), "threads": [{"faults": 3}, {"faults": 3}]
        }  # fmt: skip
        self.tasks, self.ended = dict.fromkeys(range(len(sizes))), []

    def tell_person(self, task, why):
        pass

    def end_task(self, task, status, reason):
        self.ended.append(task)
        self.machine["tasks"][task]["exiting"] = status + 1


def test_while_a_task_that_ends_holds_memory_nobody_else_is_killed():
    server = FakeServer(0, 5, 50, 70)
    shortage = MemoryShortage(server)
    assert [shortage.passes(0, 0, 0x1000) for _ in range(5)] == [True] * 5 and server.ended == [2]
    server.machine["tasks"][2]["root"] = DESTROYED  # its memory is free, and somebody has it
    assert shortage.passes(0, 0, 0x1000) and server.ended == [2, 1]


def test_the_largest_itself_ends_and_of_two_as_large_the_one_that_asks():
    assert not MemoryShortage(FakeServer(0, 5, 50)).passes(1, 1, 0x1000)
    assert not MemoryShortage(FakeServer(0, 5, 5)).passes(1, 1, 0x1000)


def test_the_largest_ends_once_the_server_knows_it():
    server = FakeServer(0, 5, 50)
    del server.tasks[1]
    assert MemoryShortage(server).passes(0, 0, 0x1000) and server.ended == []


def test_who_finds_too_few_frames_free_does_not_ask_for_ever():
    server = FakeServer(1, 5, 50)
    shortage = MemoryShortage(server)
    assert shortage.passes(0, 0, 0x1000) and server.ended == [], "somebody gave frames back since it trapped"
    assert shortage.passes(1, 0, 0x2000) and server.ended == [], "another thread"
    server.machine["threads"][0]["faults"] += 1
    assert shortage.passes(0, 0, 0x1000) and server.ended == [], "it got the page, gave it back, and wants it again"
    assert shortage.passes(0, 0, 0x1000) and server.ended == [1]


def test_who_found_too_few_frames_tries_again_once_there_are_more():
    server = FakeServer(1, 5, 50)
    shortage = MemoryShortage(server)
    assert shortage.passes(0, 0, 0x1000)
    server.machine["nr_free_frames"] = 2
    assert shortage.passes(0, 0, 0x1000) and server.ended == []
    assert shortage.passes(0, 0, 0x1000) and server.ended == [1]
