"""What a call that waits in the system server refers to is given back when it ends, however it ends."""

import pytest

from tests.systems.guests import build_guest
from tests.systems.test_rust import finish

# A thread waits in accept: until a client comes, or until a signal's handler has run.
WAITS = """
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
static struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/tmp/here"};
static void *ask(void *x) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    nap(20000);
    connect(fd, (struct sockaddr *)&address, sizeof address);
    close(fd);
    return x;
}
static void on_alarm(int number) { (void)number; }
int main(int argc, char **argv) {
    struct sigaction action = {.sa_handler = on_alarm};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), is_interrupted = argc > 1 && atoi(argv[1]);
    pthread_t client;
    sigaction(SIGALRM, &action, NULL);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 8))
        return 1;
    if (is_interrupted)
        ualarm(20000, 0);
    else
        pthread_create(&client, NULL, ask, NULL);
    int other = accept(fd, NULL, NULL);
    if (other < 0 != is_interrupted)
        return 2;
    if (!is_interrupted)
        pthread_join(client, NULL);
    close(other);
    close(fd);
    return unlink(address.sun_path) ? 3 : 0;
}
"""


@pytest.mark.parametrize("is_interrupted", [0, 1], ids=["served", "interrupted"])
def test_a_socket_in_which_a_call_waited_leaves_nothing(boot, tmp_path, is_interrupted):
    with boot(1) as machine:
        job = machine.spawn(build_guest(tmp_path, WAITS), is_interrupted)
        report = finish(machine)
        assert (job.exit_status, report.leaks) == (0, {})
