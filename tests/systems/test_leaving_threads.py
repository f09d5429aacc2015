"""What a thread or a task leaves behind when it exits: nothing. On whole machines."""

import os
from pathlib import Path

import pytest

from emu.limits import SERVER
from emu.shm.cpumask import to_int
from tests.systems.guests import build_guest
from tests.systems.test_rust import finish, wait_for

DIES_EXCLUSIVE = """
static void *reserve(void *argument) {
    pin(0);
    sched_yield();
    if (emu_exclusive(1) != 0)
        exit(2);
    return argument; /* and does not end the mode */
}
int main(void) {
    for (int k = 0; k < 3; k++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, reserve, NULL) != 0 || pthread_join(thread, NULL) != 0)
            return 3;
    }
    pin(0);
    sched_yield();
    return emu_exclusive(1) == 0 ? 0 : 4; /* nor does this one */
}
"""


@pytest.mark.system("inko-5")
def test_exclusive_mode_ends_with_the_thread_that_has_it(boot, seed, tmp_path):
    guest = build_guest(tmp_path, DIES_EXCLUSIVE)
    with boot(2, seed=seed) as machine:
        first, second = machine.spawn(guest), None
        wait_for(first)
        second = machine.spawn(guest)  # the main thread of the first had it last
        finish(machine)
        assert (first.exit_status, second.exit_status) == (0, 0)
        assert to_int(machine.window.machine["exclusive"]) == 0


STALE_IDS = """
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
static int tid;
static void *note(void *argument) {
    tid = syscall(SYS_gettid);
    return argument;
}
int main(void) {
    int before = 0;
    for (int k = 0; k < 50; k++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, note, NULL) != 0 || pthread_join(thread, NULL) != 0)
            return 2;
        if (tid == before) /* its record has been used again at once: it was the creator's spare */
            return 3;
        before = tid;
        int tries = 0;
        while (syscall(SYS_tgkill, getpid(), tid, 0) == 0) { /* it leaves after its joiner was woken */
            if (++tries > 2000)
                return 4;
            nap(100);
        }
        if (errno != ESRCH)
            return 5;
    }
    return 0;
}
"""


@pytest.mark.system("kse-8")
@pytest.mark.system("rust-7")
def test_the_id_of_a_thread_that_has_left_names_nobody(boot, seed, tmp_path):
    with boot(2, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, STALE_IDS))
        finish(machine)
        assert job.exit_status == 0


OPENS = """
#include <fcntl.h>
#include <signal.h>
#include <string.h>
int main(int argc, char **argv) {
    if (argc == 1)
        return 0;
    for (int k = 0; k < 20; k++)
        if (open("/host/file", O_RDONLY) < 0)
            return 2;
    puts("open");
    fflush(stdout);
    if (!strcmp(argv[1], "killed"))
        raise(SIGKILL);
    return 0; /* and closes none */
}
"""


@pytest.mark.parametrize("how", ["exits", "killed"])
def test_a_dead_tasks_files_are_closed(boot, seed, tmp_path, how):
    guest = build_guest(tmp_path, OPENS)
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "file").write_text("text")
    with boot(2, seed=seed, mounts=[f"{tmp_path / 'mounted'}:/host"]) as machine:
        opened = []
        for arguments in [], [how], [how]:
            wait_for(machine.spawn(guest, *arguments))
            descriptors = Path(f"/proc/{machine._processes[SERVER].pid}/fd")
            opened.append(sum("mounted" in os.readlink(d) for d in descriptors.iterdir()))
        assert len(set(opened)) == 1, f"host files that the server holds before and after each job: {opened}"
        finish(machine)
        assert machine.output.read_bytes() == b"open\n" * 2
