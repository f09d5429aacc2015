"""A guest whose threads wait for each other: that is said once, with a line for each, and the run goes on."""

import pytest

from emu import MachineError
from emu.machine import watching
from tests.systems.guests import build_guest

EMBRACE = """
#include <sys/prctl.h>
static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static atomic_int ready;
static void *second(void *argument) {
    prctl(PR_SET_NAME, "second");
    pthread_mutex_lock(&b);
    atomic_fetch_add(&ready, 1);
    while (ready < 2)
        sched_yield();
    pthread_mutex_lock(&a);
    return argument;
}
int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, second, NULL);
    pthread_mutex_lock(&a);
    atomic_fetch_add(&ready, 1);
    while (ready < 2)
        sched_yield();
    pthread_mutex_lock(&b);
    return 0;
}
"""


def end_after_looks(machine, count):
    """The time of `run` is over when the supervisor has looked so often since it told of the deadlock."""
    tell, wait, told, looks = machine.on_deadlock, machine._wait_until, [], []

    def on_deadlock():
        told.append(True)
        tell()

    def is_over():
        looks.extend(told[:1])
        return len(looks) > count

    machine.on_deadlock = on_deadlock
    machine._wait_until = lambda done, deadline=None: wait(lambda: done() or is_over(), deadline)


def test_a_deadly_embrace_is_said_once_with_a_line_for_each_thread(boot, seed, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(watching, "DEADLOCK_S", 0.2)
    with boot(2, seed=seed, patience_s=0.6) as machine:
        end_after_looks(machine, 5)
        machine.spawn(build_guest(tmp_path, EMBRACE))
        with pytest.raises(MachineError, match="the guests did not end within 60 s"):
            machine.run(limit_s=60)
    text = capfd.readouterr().err
    assert text.count("emu: every thread waits for another one; Ctrl-C ends this") == 1
    assert text.count("emu: who waits for what:") == 1, "the limit says so too"
    lines = text.split("Ctrl-C ends this\n")[1].splitlines()
    assert lines[0].startswith("task")
    assert all("blocked" in line and "futex 0x" in line for line in lines[1:3]) and "second" in lines[2]
