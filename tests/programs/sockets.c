/* socketpair: two connected stream sockets of one machine (unix(7)). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define MANY 300000

static char buffer[MANY], other[MANY];

static void both_ways(void) {
    int s[2];
    struct stat status;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) == 0 && s[0] == 3 && s[1] == 4);
    CHECK(fcntl(s[0], F_GETFD) == FD_CLOEXEC && fcntl(s[0], F_GETFL) == O_RDWR);
    CHECK(fstat(s[0], &status) == 0 && S_ISSOCK(status.st_mode));
    CHECK(write(s[0], "there", 5) == 5 && write(s[1], "back", 4) == 4);
    CHECK(read(s[1], other, 10) == 5 && memcmp(other, "there", 5) == 0);
    CHECK(read(s[0], other, 10) == 4 && memcmp(other, "back", 4) == 0);
    CHECK(send(s[0], "abc", 3, MSG_NOSIGNAL) == 3 && recv(s[1], other, 2, 0) == 2 && recv(s[1], other, 2, 0) == 1);
    CHECK_ERROR(recv(s[1], other, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_ERROR(lseek(s[0], 0, SEEK_SET), ESPIPE);
    int value = -1;
    socklen_t size = sizeof value;
    CHECK(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &value, &size) == 0 && value == SOCK_STREAM);
    CHECK(getsockopt(s[0], SOL_SOCKET, SO_ERROR, &value, &size) == 0 && value == 0);
    CHECK_ERROR(getsockopt(0, SOL_SOCKET, SO_TYPE, &value, &size), ENOTSOCK);
    CHECK_ERROR(recv(99, other, 1, 0), EBADF);
    CHECK_ERROR(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8), EFAULT);
    CHECK(close(s[1]) == 0 && read(s[0], other, 1) == 0);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK_ERROR(write(s[0], "x", 1), EPIPE);
    CHECK_ERROR(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK(close(s[0]) == 0);
}

static void readiness(void) {
    int s[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) == 0);
    struct pollfd wanted = {s[0], POLLIN | POLLOUT, 0};
    CHECK(poll(&wanted, 1, 0) == 1 && wanted.revents == POLLOUT);
    CHECK_ERROR(read(s[0], other, 1), EAGAIN);
    while (write(s[0], buffer, 10000) > 0) {}
    CHECK(errno == EAGAIN && poll(&wanted, 1, 0) == 0);
    CHECK(write(s[1], "x", 1) == 1 && poll(&wanted, 1, -1) == 1 && wanted.revents == POLLIN);
    CHECK(shutdown(s[0], SHUT_WR) == 0);
    CHECK_ERROR(write(s[0], "x", 1), EPIPE);
    while (read(s[1], other, sizeof other) > 0) {}
    CHECK(read(s[1], other, 1) == 0 && write(s[1], "y", 1) == 1 && read(s[0], other, 9) == 2 && other[1] == 'y');
    CHECK(close(s[1]) == 0 && poll(&wanted, 1, -1) == 1 && wanted.revents & POLLHUP && wanted.revents & POLLIN);
    CHECK(close(s[0]) == 0);
}

/* A child sends back, changed, all that it gets. */
static void between_processes(void) {
    int s[2], status, got = 0;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(s[0]);
        for (long n; (n = read(s[1], other, 7000)) > 0;) {
            for (long k = 0; k < n; k++) other[k] ^= 1;
            CHECK(write(s[1], other, (size_t)n) == n);
        }
        _exit(0);
    }
    CHECK(close(s[1]) == 0);
    for (int k = 0; k < MANY; k++) buffer[k] = (char)(k % 113);
    for (int sent = 0; sent < MANY; sent += 30000) {
        CHECK(write(s[0], buffer + sent, 30000) == 30000);
        for (long n; got < sent + 30000; got += (int)n) CHECK((n = read(s[0], other + got, sizeof other - (size_t)got)) > 0);
    }
    for (int k = 0; k < MANY; k++) CHECK(other[k] == (char)(buffer[k] ^ 1));
    CHECK(shutdown(s[0], SHUT_WR) == 0 && read(s[0], other, 1) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0 && close(s[0]) == 0);
}

int main(void) {
    both_ways();
    readiness();
    between_processes();
    return ok("sockets");
}
