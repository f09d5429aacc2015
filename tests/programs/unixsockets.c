/* Sockets with names in AF_UNIX: listening and connecting, messages, files and credentials that travel (unix(7)). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PATH "unixsockets.name"
#define MANY 200000

static char buffer[MANY], other[MANY];
static struct sockaddr_un named, found;
static socklen_t size;

/* The size of `named`, which is now this path, or with a '@' in front this abstract name. */
static socklen_t name(const char *text) {
    memset(&named, 0, sizeof named);
    named.sun_family = AF_UNIX;
    strcpy(named.sun_path, text);
    if (text[0] == '@') named.sun_path[0] = 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text) + (text[0] != '@'));
}

static int option(int fd, int which) {
    int value = -1;
    size = sizeof value;
    CHECK(getsockopt(fd, SOL_SOCKET, which, &value, &size) == 0 && size == sizeof value);
    return value;
}

static int listener(const char *text, int type, int backlog) {
    int fd = socket(AF_UNIX, type, 0);
    CHECK(fd >= 0 && bind(fd, (void *)&named, name(text)) == 0 && listen(fd, backlog) == 0);
    return fd;
}

static int client(const char *text, int type) {
    int fd = socket(AF_UNIX, type, 0);
    CHECK(fd >= 0 && connect(fd, (void *)&named, name(text)) == 0);
    return fd;
}

static int ready(int fd, int events) {
    struct pollfd wanted = {fd, (short)events, 0};
    CHECK(poll(&wanted, 1, 0) >= 0);
    return wanted.revents;
}

static void errors(void) {
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), file;
    CHECK(s >= 0 && fcntl(s, F_GETFD) == FD_CLOEXEC && fcntl(s, F_GETFL) == (O_RDWR | O_NONBLOCK));
    CHECK_ERROR(socket(AF_UNIX, 77, 0), EINVAL);
    CHECK_ERROR(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    CHECK_ERROR(socket(AF_UNIX, SOCK_STREAM, 5), EPROTONOSUPPORT);
    CHECK_ERROR(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERROR(accept(s, NULL, NULL), EINVAL);
    CHECK_ERROR(listen(s, 1), EINVAL);
    CHECK_ERROR(read(s, other, 1), EINVAL);
    CHECK_ERROR(send(s, "x", 1, MSG_NOSIGNAL), ENOTCONN);
    size = sizeof found;
    CHECK_ERROR(getpeername(s, (void *)&found, &size), ENOTCONN);
    CHECK(getsockname(s, (void *)&found, &size) == 0 && size == 2 && found.sun_family == AF_UNIX);
    CHECK_ERROR(connect(s, (void *)&named, name("nowhere")), ENOENT);
    CHECK_ERROR(connect(s, (void *)&named, name("@nowhere")), ECONNREFUSED);
    CHECK_ERROR(connect(s, (void *)&named, 1), EINVAL);
    CHECK_ERROR(bind(s, (void *)8, 10), EFAULT);
    CHECK_ERROR(bind(1, (void *)&named, name("@x")), ENOTSOCK);
    CHECK_ERROR(bind(s, (void *)&named, name("nodirectory/x")), ENOENT);
    CHECK((file = open("plain", O_CREAT | O_RDWR, 0600)) >= 0);
    CHECK_ERROR(connect(s, (void *)&named, name("plain")), ECONNREFUSED);
    CHECK_ERROR(bind(s, (void *)&named, name("plain")), EADDRINUSE);
    CHECK(unlink("plain") == 0 && close(file) == 0);
    CHECK((ready(s, POLLIN | POLLOUT) & (POLLHUP | POLLIN)) == POLLHUP);
    CHECK(option(s, SO_ACCEPTCONN) == 0 && option(s, SO_TYPE) == SOCK_STREAM && option(s, SO_DOMAIN) == AF_UNIX);
    CHECK_ERROR(setsockopt(s, SOL_SOCKET, SO_TYPE, &file, sizeof file), ENOPROTOOPT);
    CHECK_ERROR(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &file, 1), EINVAL);
    CHECK(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0 && option(s, SO_REUSEADDR) == 1);
    CHECK(setsockopt(s, SOL_SOCKET, SO_SNDBUF, &(int){20000}, sizeof(int)) == 0 && option(s, SO_SNDBUF) == 40000);
    CHECK(close(s) == 0);
}

static void paths_and_names(void) {
    struct stat status;
    int s = listener(PATH, SOCK_STREAM, 5), t = socket(AF_UNIX, SOCK_STREAM, 0), u;
    CHECK(stat(PATH, &status) == 0 && S_ISSOCK(status.st_mode) && option(s, SO_ACCEPTCONN) == 1);
    CHECK_ERROR(open(PATH, O_RDWR), ENXIO);
    size = sizeof found;
    CHECK(getsockname(s, (void *)&found, &size) == 0 && size == name(PATH) && strcmp(found.sun_path, PATH) == 0);
    CHECK_ERROR(bind(t, (void *)&named, name(PATH)), EADDRINUSE);
    CHECK_ERROR(bind(s, (void *)&named, name("@again")), EINVAL);
    CHECK_ERROR(connect(s, (void *)&named, name(PATH)), EINVAL);
    CHECK(fcntl(s, F_SETFL, O_NONBLOCK) == 0 && ready(s, POLLIN) == 0);
    CHECK_ERROR(accept(s, NULL, NULL), EAGAIN);
    CHECK(connect(t, (void *)&named, name(PATH)) == 0 && ready(s, POLLIN | POLLOUT) == POLLIN);
    CHECK(write(t, "before", 6) == 6 && ready(t, POLLOUT | POLLIN) == POLLOUT);
    size = sizeof found;
    CHECK((u = accept4(s, (void *)&found, &size, SOCK_CLOEXEC)) >= 0 && size == 2 && fcntl(u, F_GETFD) == FD_CLOEXEC);
    CHECK((fcntl(u, F_GETFL) & O_NONBLOCK) == 0 && read(u, other, 9) == 6 && memcmp(other, "before", 6) == 0);
    size = sizeof found;
    CHECK(getpeername(t, (void *)&found, &size) == 0 && size == name(PATH));
    size = sizeof found;
    CHECK(getsockname(u, (void *)&found, &size) == 0 && size == name(PATH));
    CHECK_ERROR(connect(t, (void *)&named, name(PATH)), EISCONN);
    CHECK_ERROR(sendto(t, "x", 1, MSG_NOSIGNAL, (void *)&named, size), EISCONN);
    struct ucred who;
    size = sizeof who;
    CHECK(getsockopt(u, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.pid == getpid() && who.uid == getuid());
    CHECK(close(s) == 0 && write(t, "after", 5) == 5 && read(u, other, 9) == 5);
    CHECK(close(u) == 0 && read(t, other, 1) == 0 && ready(t, POLLIN) == (POLLIN | POLLHUP) && close(t) == 0);
    t = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERROR(connect(t, (void *)&named, name(PATH)), ECONNREFUSED);
    CHECK(unlink(PATH) == 0);
    CHECK_ERROR(connect(t, (void *)&named, name(PATH)), ENOENT);
    s = listener("@a name", SOCK_STREAM, 1);
    u = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_ERROR(connect(u, (void *)&named, name("@a name")), ECONNREFUSED);
    int v = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERROR(bind(v, (void *)&named, name("@a name")), EADDRINUSE);
    CHECK(close(v) == 0);
    CHECK_ERROR(connect(t, (void *)&named, name("@a nam")), ECONNREFUSED);
    CHECK(connect(t, (void *)&named, name("@a name")) == 0);
    CHECK(bind(u, (void *)&named, 2) == 0);
    size = sizeof found;
    CHECK(getsockname(u, (void *)&found, &size) == 0 && size == 8 && found.sun_path[0] == 0);
    struct pollfd wanted = {t, POLLIN, 0};
    CHECK(close(s) == 0 && poll(&wanted, 1, -1) == 1 && wanted.revents & POLLERR);
    CHECK_ERROR(read(t, other, 1), ECONNRESET);
    CHECK(read(t, other, 1) == 0 && close(t) == 0 && close(u) == 0);
    u = listener("@a name", SOCK_STREAM, 1);
    CHECK(close(u) == 0);
}

static void backlog_and_shutdown(void) {
    int s = listener("@full", SOCK_STREAM, 1), t[3], u;
    for (int k = 0; k < 3; k++) CHECK((t[k] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0);
    for (int k = 0; k < 2; k++) CHECK(connect(t[k], (void *)&named, name("@full")) == 0);
    CHECK_ERROR(connect(t[2], (void *)&named, name("@full")), EAGAIN);
    pid_t pid = fork();
    if (pid == 0) { /* waits until there is room */
        CHECK(fcntl(t[2], F_SETFL, 0) == 0 && connect(t[2], (void *)&named, name("@full")) == 0);
        CHECK(write(t[2], "third", 5) == 5);
        _exit(0);
    }
    for (int k = 0; k < 3; k++) CHECK((u = accept(s, NULL, NULL)) >= 0 && (k == 2 || close(u) == 0));
    CHECK(read(u, other, 5) == 5);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0 && shutdown(s, SHUT_RDWR) == 0);
    CHECK_ERROR(accept(s, NULL, NULL), EINVAL);
    CHECK(shutdown(u, SHUT_RD) == 0);
    CHECK_ERROR(send(t[2], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_ERROR(shutdown(u, 3), EINVAL);
    for (int k = 0; k < 3; k++) CHECK(close(t[k]) == 0);
    CHECK(close(s) == 0 && close(u) == 0);
}

static void handler(int number) { (void)number; }

static void *accepts(void *argument) {
    int s = *(int *)argument, u = accept(s, NULL, NULL);
    CHECK(u >= 0 && write(u, "hello", 5) == 5 && close(u) == 0);
    return NULL;
}

static void waiting(void) {
    int s = listener("@waits", SOCK_STREAM, 3), t;
    struct timeval time = {0, 20000};
    struct sigaction action = {.sa_handler = handler};
    struct itimerval soon = {{0, 20000}, {0, 20000}}, off = {{0, 0}, {0, 0}};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &soon, NULL) == 0);
    CHECK_ERROR(accept(s, NULL, NULL), EINTR);
    t = client("@waits", SOCK_STREAM);
    CHECK_ERROR(read(t, other, 1), EINTR);
    CHECK(setitimer(ITIMER_REAL, &off, NULL) == 0);
    CHECK(setsockopt(t, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
    CHECK_ERROR(read(t, other, 1), EAGAIN);
    CHECK(setsockopt(t, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0);
    while (write(t, buffer, sizeof buffer) == sizeof buffer) {}
    CHECK(close(accept(s, NULL, NULL)) == 0 && setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
    CHECK_ERROR(accept(s, NULL, NULL), EAGAIN);
    time.tv_usec = 0;
    CHECK(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0 && close(t) == 0);
    pthread_t thread;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && pthread_create(&thread, NULL, accepts, &s) == 0);
    for (int k = 0; k < 5; k++) CHECK(pthread_kill(thread, SIGALRM) == 0);
    t = client("@waits", SOCK_STREAM);
    CHECK(recv(t, other, 5, MSG_WAITALL) == 5 && pthread_join(thread, NULL) == 0 && close(t) == 0 && close(s) == 0);
}

static void peeking(void) {
    int s[2], n;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && write(s[0], "abcdef", 6) == 6);
    CHECK(recv(s[1], other, 3, MSG_PEEK) == 3 && recv(s[1], other, 9, MSG_PEEK) == 6 && memcmp(other, "abcdef", 6) == 0);
    CHECK(ioctl(s[1], FIONREAD, &n) == 0 && n == 6 && recv(s[1], other, 9, MSG_DONTWAIT) == 6);
    CHECK_ERROR(recv(s[1], other, 9, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
    CHECK(ioctl(s[1], FIONBIO, &(int){1}) == 0);
    CHECK_ERROR(read(s[1], other, 9), EAGAIN);
    CHECK(ioctl(s[1], FIONBIO, &(int){0}) == 0);
    struct ucred who;
    size = sizeof who;
    CHECK(getsockopt(s[1], SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.pid == getpid() && size == sizeof who);
    pid_t pid = fork();
    if (pid == 0) {
        for (int k = 0; k < 10; k++) CHECK(write(s[0], buffer, 1000) == 1000);
        _exit(0);
    }
    CHECK(recv(s[1], other, 10000, MSG_WAITALL) == 10000 && wait(NULL) == pid);
    struct iovec parts[2] = {{other, 1}, {other + 10, 100}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    CHECK(write(s[0], "xyz", 3) == 3 && recvmsg(s[1], &message, 0) == 3 && other[0] == 'x' && other[11] == 'z');
    CHECK(sendmsg(s[1], &message, MSG_NOSIGNAL) == 101 && read(s[0], other, 200) == 101);
    CHECK(write(s[0], "left", 4) == 4 && write(s[1], "more", 4) == 4 && close(s[1]) == 0);
    CHECK(option(s[0], SO_ERROR) == ECONNRESET && read(s[0], other, 9) == 4 && read(s[0], other, 9) == 0);
    CHECK(close(s[0]) == 0);
}

/* Send `count` descriptors with some bytes. */
static ssize_t send_files(int s, const int *fds, int count, const char *text) {
    char control[CMSG_SPACE(10 * sizeof(int))] = {0};
    struct iovec part = {(void *)text, strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
    message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(head), fds, (size_t)count * sizeof(int));
    return sendmsg(s, &message, 0);
}

/* Receive into `other` and up to `room` descriptors; how many came, the bytes in *bytes. */
static int receive_files(int s, int *fds, int room, int flags, ssize_t *bytes, int *said) {
    char control[CMSG_SPACE(10 * sizeof(int))];
    struct iovec part = {other, 100};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
    message.msg_controllen = room ? CMSG_LEN((size_t)room * sizeof(int)) : 0;
    *bytes = recvmsg(s, &message, flags);
    *said = message.msg_flags;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (*bytes < 0 || !head || head->cmsg_type != SCM_RIGHTS) return 0;
    int count = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fds, CMSG_DATA(head), (size_t)count * sizeof(int));
    return count;
}

static void travelling_files(int type) {
    int s[2], p[2], fds[10], said;
    ssize_t bytes;
    CHECK(socketpair(AF_UNIX, type, 0, s) == 0 && pipe(p) == 0);
    if (type == SOCK_STREAM) CHECK(write(s[0], "plain", 5) == 5);
    CHECK(send_files(s[0], p, 2, "two") == 3 && send_files(s[0], p, 1, "one") == 3);
    int before = type == SOCK_STREAM ? 5 : 0; /* bytes are read with what was written before, and none after */
    if (before) CHECK(write(s[0], "end", 3) == 3);
    CHECK(receive_files(s[1], fds, 4, MSG_CMSG_CLOEXEC, &bytes, &said) == 2 && bytes == before + 3);
    CHECK(memcmp(other + before, "two", 3) == 0);
    CHECK(fcntl(fds[0], F_GETFD) == FD_CLOEXEC && write(fds[1], "through", 7) == 7 && read(p[0], other, 9) == 7);
    CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
    CHECK(receive_files(s[1], fds, 0, 0, &bytes, &said) == 0 && bytes == 3 && said & MSG_CTRUNC);
    if (type == SOCK_STREAM) CHECK(read(s[1], other, 9) == 3 && memcmp(other, "end", 3) == 0);
    /* In flight they are open still; unread, they are closed with the socket. */
    CHECK(send_files(s[0], p, 2, "x") == 1 && close(p[1]) == 0 && fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK_ERROR(read(p[0], other, 1), EAGAIN);
    CHECK(recv(s[1], other, 1, 0) == 1 && read(p[0], other, 1) == 0);
    CHECK(close(p[0]) == 0 && pipe(p) == 0 && send_files(s[0], p, 2, "y") == 1 && close(p[1]) == 0);
    CHECK(send_files(s[0], s, 2, "themselves") == 10 && close(s[0]) == 0 && close(s[1]) == 0);
    CHECK(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
    while (read(p[0], other, 1) != 0) { /* Linux looks for them, a little later, when another socket is closed */
        CHECK(errno == EAGAIN && usleep(1000) == 0 && socketpair(AF_UNIX, type, 0, s) == 0);
        CHECK(close(s[0]) == 0 && close(s[1]) == 0);
    }
    CHECK_ERROR(send_files(p[0], p, 1, "z"), ENOTSOCK);
    CHECK(close(p[0]) == 0 && socketpair(AF_UNIX, type, 0, s) == 0);
    CHECK_ERROR(send_files(s[0], &(int){77}, 1, "z"), EBADF);
    CHECK(close(s[0]) == 0 && close(s[1]) == 0);
}

static void credentials(void) {
    int s[2];
    char control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec part = {other, 100};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    CHECK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)) == 0 && option(s[1], SO_PASSCRED) == 1);
    pid_t pid = fork();
    if (pid == 0) _exit(write(s[0], "child", 5) != 5);
    CHECK(wait(NULL) == pid && write(s[0], "me", 2) == 2);
    pid_t whom[3] = {pid, pid, getpid()};
    for (int k = 0; k < 3; k++) {
        part.iov_len = k ? 100 : 2;
        message.msg_controllen = sizeof control;
        CHECK(recvmsg(s[1], &message, 0) == (k == 1 ? 3 : 2));
        struct ucred who;
        memcpy(&who, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof who);
        CHECK(CMSG_FIRSTHDR(&message)->cmsg_type == SCM_CREDENTIALS && who.pid == whom[k] && who.uid == getuid());
    }
    CHECK(close(s[0]) == 0 && close(s[1]) == 0);
}

static void datagrams(void) {
    int s[2], a, b, n;
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0 && option(s[0], SO_TYPE) == SOCK_DGRAM);
    CHECK(write(s[0], "first", 5) == 5 && write(s[0], "", 0) == 0 && write(s[0], "second one", 10) == 10);
    CHECK(ioctl(s[1], FIONREAD, &n) == 0 && n == 5 && recv(s[1], other, 2, MSG_PEEK | MSG_TRUNC) == 5);
    CHECK(read(s[1], other, 3) == 3 && read(s[1], other, 3) == 0);
    CHECK(recv(s[1], other, 4, MSG_TRUNC) == 10 && memcmp(other, "seco", 4) == 0);
    CHECK_ERROR(recv(s[1], other, 4, MSG_DONTWAIT), EAGAIN);
    struct iovec halves[2] = {{buffer, 2000}, {buffer + 3000, 3000}};
    struct msghdr whole = {.msg_iov = halves, .msg_iovlen = 2};
    for (int k = 0; k < 5000; k++) buffer[k] = (char)(k % 7);
    CHECK(sendmsg(s[0], &whole, 0) == 5000 && writev(s[0], halves, 1) == 2000);
    halves[0].iov_base = other;
    halves[1].iov_base = other + 2000;
    CHECK(recvmsg(s[1], &whole, 0) == 5000 && whole.msg_flags == 0 && other[2000] == buffer[3000] && other[1] == 1);
    CHECK(readv(s[1], halves, 2) == 2000);
    CHECK_ERROR(write(s[0], (void *)8, 10), EFAULT);
    CHECK_ERROR(recv(s[1], other, 4, MSG_DONTWAIT), EAGAIN);
    CHECK(ready(s[0], POLLIN | POLLOUT) == POLLOUT);
    while (send(s[0], buffer, 1000, MSG_DONTWAIT) == 1000) {}
    CHECK(errno == EAGAIN);
    pid_t pid = fork();
    if (pid == 0) _exit(write(s[0], "last", 4) != 4); /* waits for room */
    do n = (int)read(s[1], other, 2000); while (n == 1000);
    CHECK(n == 4 && wait(NULL) == pid && setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &(int){8000}, sizeof(int)) == 0);
    CHECK_ERROR(send(s[0], buffer, 20000, 0), EMSGSIZE);
    CHECK(close(s[1]) == 0);
    CHECK_ERROR(write(s[0], "x", 1), ECONNREFUSED);
    CHECK_ERROR(write(s[0], "x", 1), ENOTCONN);
    CHECK(close(s[0]) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
    CHECK(bind(s[0], (void *)&named, name("@left")) == 0 && write(s[0], "named", 5) == 5);
    size = sizeof found;
    CHECK(recvfrom(s[1], other, 9, 0, (void *)&found, &size) == 5 && size == name("@left"));
    CHECK((a = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0 && bind(a, (void *)&named, name("@right")) == 0);
    CHECK(connect(s[1], (void *)&named, name("@right")) == 0 && write(s[1], "elsewhere", 9) == 9);
    CHECK(recv(a, other, 99, 0) == 9 && close(a) == 0 && close(s[0]) == 0 && close(s[1]) == 0);
    CHECK((a = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0 && (b = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0);
    CHECK(bind(a, (void *)&named, name(PATH)) == 0 && bind(b, (void *)&named, name("@b")) == 0);
    CHECK_ERROR(listen(a, 1), EOPNOTSUPP);
    CHECK_ERROR(write(a, "x", 1), ENOTCONN);
    CHECK(sendto(a, "to b", 4, 0, (void *)&named, name("@b")) == 4);
    size = sizeof found;
    CHECK(recvfrom(b, other, 9, 0, (void *)&found, &size) == 4 && size == name(PATH) && !strcmp(found.sun_path, PATH));
    CHECK(sendto(b, "back", 4, 0, (void *)&found, size) == 4 && connect(a, (void *)&named, name("@b")) == 0);
    size = sizeof found;
    CHECK(recvfrom(a, other, 9, 0, (void *)&found, &size) == 4 && size == 4 && found.sun_path[1] == 'b');
    CHECK(write(a, "connected", 9) == 9 && read(b, other, 99) == 9);
    int c = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_ERROR(sendto(c, "x", 1, 0, (void *)&named, name(PATH)), EPERM);
    struct mmsghdr several[3];
    struct iovec parts[3];
    memset(several, 0, sizeof several);
    for (int k = 0; k < 3; k++) {
        parts[k] = (struct iovec){buffer + k, (size_t)k + 1};
        several[k].msg_hdr.msg_iov = &parts[k];
        several[k].msg_hdr.msg_iovlen = 1;
    }
    CHECK(sendmmsg(a, several, 3, 0) == 3 && several[2].msg_len == 3);
    for (int k = 0; k < 3; k++) parts[k] = (struct iovec){other + 10 * k, 2};
    CHECK(recvmmsg(b, several, 3, MSG_WAITFORONE, NULL) == 3 && several[0].msg_len == 1 && several[2].msg_len == 2);
    CHECK(several[2].msg_hdr.msg_flags & MSG_TRUNC && !(several[1].msg_hdr.msg_flags & MSG_TRUNC));
    CHECK(close(b) == 0 && unlink(PATH) == 0);
    CHECK_ERROR(write(a, "x", 1), ECONNREFUSED);
    CHECK(close(a) == 0 && close(c) == 0);
}

static void packets(void) {
    int s = listener(PATH, SOCK_SEQPACKET, 3), t = client(PATH, SOCK_SEQPACKET), u = accept(s, NULL, NULL);
    CHECK(write(t, "one", 3) == 3 && write(t, "three", 5) == 5 && read(u, other, 99) == 3 && read(u, other, 2) == 2);
    CHECK(write(u, "back", 4) == 4 && read(t, other, 99) == 4 && shutdown(t, SHUT_WR) == 0 && read(u, other, 1) == 0);
    CHECK_ERROR(send(t, "x", 1, MSG_NOSIGNAL), EPIPE);
    int v = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERROR(connect(v, (void *)&named, name(PATH)), EPROTOTYPE);
    CHECK(close(u) == 0 && read(t, other, 1) == 0 && close(t) == 0 && close(s) == 0 && close(v) == 0 && unlink(PATH) == 0);
}

/* Clients of a server that answers each in a process of its own. */
static void serving(void) {
    enum { CLIENTS = 6, ROUNDS = 20 };
    int s = listener("@server", SOCK_STREAM, 2), status;
    for (int k = 0; k < CLIENTS; k++) {
        if (fork() == 0) {
            for (int round = 0; round < ROUNDS; round++) {
                int t = client("@server", SOCK_STREAM), sent = k * 1000 + round, got;
                CHECK(write(t, &sent, sizeof sent) == sizeof sent && recv(t, &got, sizeof got, MSG_WAITALL) == sizeof got);
                CHECK(got == sent * 2 && read(t, other, 1) == 0 && close(t) == 0);
            }
            _exit(0);
        }
    }
    for (int k = 0; k < CLIENTS * ROUNDS; k++) {
        int u = accept(s, NULL, NULL), got;
        CHECK(u >= 0 && recv(u, &got, sizeof got, MSG_WAITALL) == sizeof got);
        got *= 2;
        CHECK(write(u, &got, sizeof got) == sizeof got && close(u) == 0);
    }
    for (int k = 0; k < CLIENTS; k++) CHECK(wait(&status) > 0 && status == 0);
    CHECK(close(s) == 0);
}

int main(void) {
    unlink(PATH);
    errors();
    paths_and_names();
    backlog_and_shutdown();
    waiting();
    peeking();
    travelling_files(SOCK_STREAM);
    travelling_files(SOCK_DGRAM);
    credentials();
    datagrams();
    packets();
    serving();
    return ok("unixsockets");
}
