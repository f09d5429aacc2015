"""User threads on the raw calls: limits (kse-5), bad mailboxes and those in files (kse-1, kse-13), times (kse-6)."""

import pytest

from tests.systems.guests import build_guest
from tests.systems.test_timekeeper import wait_until
from tests.systems.test_upcalls import ends_well
from tests.systems.user_threads import USER_THREADS

# The third user thread naps with the upcall while there is no room for another kernel thread.
CROWDED = """
static int pipes[2], next, finished;
static struct kse_thr_mailbox *ready;
static volatile int began;
enum { COUNT = 6 };
static void library(struct kse_mailbox *box);
static void body(long k) {
    char byte;
    began++;
    while (k == 2 && began == 3) {
        struct timespec time = {0, 1000000};
        call(SYS_nanosleep, (long)&time, 0, 0, 0);
    }
    if (k == COUNT - 1)
        call(SYS_write, pipes[1], (long)"xxxx", COUNT - 2, 0);
    else if (k != 2)
        check(call(SYS_read, pipes[0], (long)&byte, 1, 0) == 1, 20);
    threads[k].flags = TMF_NOUPCALL;
    boxes[0].current = NULL;
    if (++finished == COUNT)
        check(0, 0);
    library(&boxes[0]);
}
static void library(struct kse_mailbox *box) {
    for (struct kse_thr_mailbox *done = box->completed, *following; done != NULL; done = following) {
        following = done->next;
        done->next = ready;
        ready = done;
    }
    box->completed = NULL;
    if (next < COUNT)
        go_on(&threads[next++]);
    struct kse_thr_mailbox *thread = ready;
    if (thread != NULL) {
        ready = thread->next;
        go_on(thread);
    }
    kse_release(NULL);
    check(0, 21);
}
int main(void) {
    pipe(pipes);
    for (int k = 0; k < COUNT; k++)
        prepare(k, body);
    check(create(0, library, 0) == 0, 22);
    library(&boxes[0]);
}
"""


@pytest.mark.system("kse-5")
@pytest.mark.system("kse-2")
def test_threads_that_a_limit_refuses_block_with_their_upcall_and_make_upcalls_once_it_is_raised(boot, seed, tmp_path):
    with boot(1, seed=seed) as machine:
        machine.set_limit("max_threads_per_proc", 3)
        job = machine.spawn(build_guest(tmp_path, USER_THREADS + CROWDED))
        m = machine.window.machine
        wait_until(lambda: m["proc_limit_hits"] >= 3)
        assert not job.done and len(machine.threads(job)) == 3
        machine.set_limit("max_threads_per_proc", 150)
        ends_well(machine, job)


GROUPS = """
static void library(struct kse_mailbox *box) {
    kse_release(NULL);
    check(box == NULL, 20);
}
int main(void) {
    for (int k = 0; k < 3; k++)
        check(create(k, library, 1) == 0, 21);
    check(create(3, library, 1) == -11, 22);
    emu_print("refused\\n");
    while (create(3, library, 1) == -11)
        nap(1000);
    return 0;
}
"""


@pytest.mark.system("kse-5")
def test_groups_beyond_the_limit_are_refused_and_counted_until_it_is_raised(boot, seed, tmp_path):
    with boot(2, seed=seed, limits={"max_groups_per_proc": 3}) as machine:
        job = machine.spawn(build_guest(tmp_path, USER_THREADS + GROUPS))
        wait_until(lambda: machine.output.read_bytes() == b"refused\n")
        assert machine.window.machine["group_limit_hits"] >= 1
        machine.set_limit("max_groups_per_proc", 4)
        ends_well(machine, job)


MAILBOXES = """
static void library(struct kse_mailbox *box) {
    while (box != NULL)
        kse_release(NULL);
}
static void goes_on(struct kse_mailbox *box) {
    if (box->completed != NULL)
        go_on(box->completed);
    for (;;)
        kse_release(NULL);
}
static char *page(void) {
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
int main(int argc, char **argv) {
    struct timespec time = {0, 1000};
    switch (argv[argc - 1][0]) {
    case 'r': { /* an upcall cannot be told to a page that is read-only */
        struct kse_mailbox *box = (struct kse_mailbox *)page();
        fill(box, 0, library);
        mprotect(box, 4096, PROT_READ);
        check(kse_create(box, 0) == 0, 20);
        kse_wakeup(box);
        kse_release(NULL);
        break;
    }
    case 'u': { /* it is gone: who owns the upcall blocks as an ordinary thread, and is told by calls that need it */
        struct kse_mailbox *box = (struct kse_mailbox *)page();
        fill(box, 0, library);
        check(kse_create(box, 0) == 0, 21);
        box->current = &threads[0];
        munmap(box, 4096);
        check(call(SYS_nanosleep, (long)&time, 0, 0, 0) == 0, 22);
        kse_wakeup(box);
        check(kse_release(NULL) == -14 && kse_exit() == -14 && kse_switchin(&threads[0]) == -14, 26);
        return 0;
    }
    case 'c': /* there is nothing where the current thread's mailbox should be */
        check(create(0, library, 0) == 0, 23);
        boxes[0].current = (struct kse_thr_mailbox *)4096;
        break;
    case 'f': { /* it is in a file that nobody has read */
        int file = open("/host/pages", O_RDONLY);
        char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
        check(pages != MAP_FAILED && create(0, goes_on, 0) == 0, 24);
        boxes[0].current = (struct kse_thr_mailbox *)(pages + 4096 - 256); /* and in two pages of it */
        call(SYS_nanosleep, (long)&time, 0, 0, 0);
        check(boxes[0].current->pc != 0 && boxes[0].current->udata[1] == (void *)7, 25);
        return 0;
    }
    }
    for (;;)
        call(SYS_nanosleep, (long)&time, 0, 0, 0);
}
"""


@pytest.mark.system("kse-1")
@pytest.mark.system("kse-13")
@pytest.mark.parametrize("which", ["read-only", "current"])
def test_a_bad_mailbox_ends_its_job_alone_with_the_reason_in_words(boot, seed, tmp_path, which):
    with boot(2, seed=seed) as machine:
        bad = machine.spawn(build_guest(tmp_path, USER_THREADS + MAILBOXES), which)
        good = machine.spawn("sleepers", 2, 20)
        ends_well(machine, good)
        assert bad.exit_status == 139 and bad.kill_reason == "bad KSE mailbox"


@pytest.mark.system("kse-13")
def test_who_has_a_mailbox_no_more_blocks_as_an_ordinary_thread_and_is_told_by_calls_that_need_it(boot, seed, tmp_path):
    with boot(1, seed=seed) as machine:
        ends_well(machine, machine.spawn(build_guest(tmp_path, USER_THREADS + MAILBOXES), "unmapped"))


@pytest.mark.system("kse-13")
def test_a_mailbox_in_a_file_that_nobody_has_read_is_brought(boot, seed, tmp_path):
    host = tmp_path / "host"
    host.mkdir()
    pages = bytearray(8192)
    pages[4096 - 256 + 56] = 7  # udata[1]
    (host / "pages").write_bytes(pages)
    with boot(2, seed=seed, mounts=[f"{host}:/host"]) as machine:
        ends_well(machine, machine.spawn(build_guest(tmp_path, USER_THREADS + MAILBOXES), "file"))


TIMES = """
static int next;
static void library(struct kse_mailbox *box);
static void body(long k) {
    for (long n = 0; n < 10000000 && k == 0; n++)
        __asm__ volatile("");
    while (k == 1 && threads[k].system_ns < 1000000) /* ticks tell it */
        call(SYS_sched_yield, 0, 0, 0, 0);
    threads[k].flags = TMF_NOUPCALL;
    boxes[0].current = NULL;
    library(&boxes[0]);
}
static void library(struct kse_mailbox *box) {
    struct kse_thr_mailbox *thread = box->completed; /* one at most: nobody sleeps */
    box->completed = NULL;
    if (thread != NULL)
        go_on(thread);
    if (next < 2)
        go_on(&threads[next++]);
    printf("%lu %lu %lu %lu\\n", threads[0].user_ns, threads[0].system_ns, threads[1].user_ns, threads[1].system_ns);
    exit(0);
}
int main(void) {
    prepare(0, body);
    prepare(1, body);
    fill(&boxes[0], 0, library);
    boxes[0].quantum_ns = 1000;
    check(kse_create(&boxes[0], 0) == 0, 20);
    library(&boxes[0]);
}
"""


@pytest.mark.system("kse-6")
def test_the_times_of_a_thread_that_computes_and_of_one_that_makes_calls_are_apart(boot, seed, tmp_path):
    with boot(1, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, USER_THREADS + TIMES))
        text = ends_well(machine, job)
        computes_user, computes_system, calls_user, calls_system = map(int, text.split())
        assert calls_user > 0 and computes_system > 0, text
        assert computes_user > 4 * computes_system, text
        assert computes_user * calls_system > 8 * computes_system * calls_user, text
