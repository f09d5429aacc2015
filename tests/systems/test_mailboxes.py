"""Mailboxes of guests' threads on CPU processes (inko-4, inko-2)."""

import pytest

from tests.systems.guests import build_guest
from tests.systems.test_rust import finish

# Threads of the task and forked tasks send to the first thread: each one's messages come whole and in order.
MANY = """
#include <sys/wait.h>
enum { SENDERS = 6, EACH = 3000 };
static int first;
static void *send_all(void *argument) {
    long who = (long)argument;
    for (long k = 0; k < EACH; k++) {
        long error;
        while ((error = emu_mailbox_send(first, who, k, who * k, ~k)) == -11)
            sched_yield();
        if (error) exit(2);
    }
    return NULL;
}
int main(void) {
    pthread_t threads[SENDERS];
    long next[2 * SENDERS] = {0};
    struct emu_mail m;
    first = gettid();
    for (long who = 0; who < SENDERS; who++)
        pthread_create(&threads[who], NULL, send_all, (void *)who);
    for (long who = SENDERS; who < 2 * SENDERS; who++)
        if (fork() == 0) {
            send_all((void *)who);
            _exit(0);
        }
    for (long k = 0; k < 2 * SENDERS * EACH; k++) {
        long from = emu_mailbox_receive(&m, -1), who = m.words[0];
        if (from <= 0 || who < 0 || who >= 2 * SENDERS || m.words[1] != next[who] || m.words[2] != who * next[who] ||
            m.words[3] != ~next[who])
            return 3;
        next[who]++;
    }
    for (int k = 0; k < SENDERS; k++) pthread_join(threads[k], NULL);
    while (wait(NULL) > 0) {}
    return emu_mailbox_count(first) == 0 && emu_mailbox_receive(&m, 0) == -11 ? 0 : 4;
}
"""

# A call that goes to and fro, each time to a thread that sleeps.
PING = """
static int first;
static void *echo(void *argument) {
    struct emu_mail m;
    long from;
    while ((from = emu_mailbox_receive(&m, -1)) > 0 && m.words[0] >= 0)
        if (emu_mailbox_send(from, m.words[0] + 1, 0, 0, 0)) exit(2);
    return argument;
}
int main(void) {
    pthread_t thread;
    struct emu_mail m;
    first = gettid();
    pthread_create(&thread, NULL, echo, NULL);
    int other = first + 1;
    while (emu_mailbox_count(other) < 0) other++;
    for (long k = 0; k < 20000; k++)
        if (emu_mailbox_send(other, k, 0, 0, 0) || emu_mailbox_receive(&m, 10000000000) != other || m.words[0] != k + 1)
            return 3;
    emu_mailbox_send(other, -1, 0, 0, 0);
    pthread_join(thread, NULL);
    return 0;
}
"""

# Time-outs, signals and suspensions end the sleep; the message that comes after is for the next call.
ENDINGS = """
#include <signal.h>
#include <sys/syscall.h>
static volatile int main_tid, handled;
static void handle(int number) { handled = number; }
static void *disturb(void *argument) {
    nap(20000);
    if (argument) { emu_suspend(main_tid); nap(1000); emu_resume(main_tid); }
    else syscall(SYS_tkill, main_tid, SIGUSR1);
    return NULL;
}
int main(void) {
    struct emu_mail m;
    pthread_t thread;
    main_tid = gettid();
    signal(SIGUSR1, handle);
    if (emu_mailbox_receive(&m, 3000000) != -110) return 2;
    for (long how = 0; how < 2; how++) {
        pthread_create(&thread, NULL, disturb, (void *)how);
        if (emu_mailbox_receive(&m, how ? -1 : 20000000000) != -4 || handled != SIGUSR1) return 3;
        pthread_join(thread, NULL);
        if (emu_mailbox_send(main_tid, how, 0, 0, 0) || emu_mailbox_receive(&m, -1) != main_tid || m.words[0] != how)
            return 4;
    }
    struct timespec t = {0, 1000};
    if (nanosleep(&t, NULL) || emu_mailbox_receive(&m, 1000) != -110) return 5;
    return 0;
}
"""

# Whoever is killed, executes or ends leaves nothing; who sends to it is told.
LEAVERS = """
#include <signal.h>
#include <sys/wait.h>
int main(int argc, char **argv) {
    struct emu_mail m;
    if (argc > 1) return emu_mailbox_count(gettid()) == 0 && emu_mailbox_receive(&m, 0) == -11 ? 7 : 8;
    int status, child = fork();
    if (child == 0) { emu_mailbox_receive(&m, -1); return 9; }
    kill(child, SIGKILL);
    long error;
    while ((error = emu_mailbox_send(child, 1, 2, 3, 4)) == 0 || error == -11) {}
    if (error != -3) return 2;
    wait(&status);
    if (emu_mailbox_send(child, 1, 2, 3, 4) != -3 || emu_mailbox_count(child) != -3) return 3;
    if ((child = fork()) == 0) {
        for (int k = 0; k < 100; k++) emu_mailbox_send(gettid(), k, 0, 0, 0);
        execl("/proc/self/exe", argv[0], "again", NULL);
        return 9;
    }
    if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 7) return 4;
    for (int k = 0; k < 1000; k++) emu_mailbox_send(gettid(), k, 0, 0, 0);
    return 0;
}
"""


@pytest.mark.system("inko-4")
@pytest.mark.parametrize("text", [MANY, ENDINGS, LEAVERS], ids=["many", "endings", "leavers"])
def test_messages_come_whole_and_in_order_and_whoever_leaves_leaves_nothing(boot, seed, tmp_path, text):
    with boot(2, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, text))
        finish(machine)
        assert job.exit_status == 0


@pytest.mark.system("inko-2")
@pytest.mark.system("inko-4")
@pytest.mark.parametrize("cpus", [1, 2])
def test_a_sleeping_receiver_is_woken_by_its_message(boot, seed, tmp_path, cpus):
    with boot(cpus, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, PING))
        finish(machine)
        assert job.exit_status == 0
