/* TCP and UDP between the programs of one machine (ip(7), tcp(7), udp(7)). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define MANY 300000

static char buffer[MANY], other[MANY];
static struct sockaddr_in found;
static socklen_t size;

static struct sockaddr_in *at(const char *host, int port) {
    static struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)port);
    CHECK(inet_pton(AF_INET, host, &address.sin_addr) == 1);
    return &address;
}

static int port_of(int fd) {
    size = sizeof found;
    CHECK(getsockname(fd, (void *)&found, &size) == 0 && size == sizeof found && found.sin_family == AF_INET);
    return ntohs(found.sin_port);
}

static int option(int fd, int level, int which) {
    int value = -1;
    size = sizeof value;
    CHECK(getsockopt(fd, level, which, &value, &size) == 0 && size == sizeof value);
    return value;
}

static int listener(const char *host, int *port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && bind(fd, (void *)at(host, 0), sizeof found) == 0 && listen(fd, 10) == 0);
    *port = port_of(fd);
    return fd;
}

static int connected(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && connect(fd, (void *)at("127.0.0.1", port), sizeof found) == 0);
    return fd;
}

static int ready(int fd, int events) {
    struct pollfd wanted = {fd, (short)events, 0};
    CHECK(poll(&wanted, 1, 0) >= 0);
    return wanted.revents;
}

static void errors(void) {
    int s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP), u = socket(AF_INET, SOCK_DGRAM, 0), fd, port, p[2];
    CHECK(s >= 0 && u >= 0 && option(s, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP);
    CHECK_ERROR(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    CHECK_ERROR(socket(AF_INET, SOCK_SEQPACKET, 0), ESOCKTNOSUPPORT);
    CHECK_ERROR(socketpair(AF_INET, SOCK_STREAM, 0, p), EOPNOTSUPP);
    CHECK_ERROR(bind(s, (void *)at("192.0.2.1", 0), sizeof found), EADDRNOTAVAIL);
    CHECK_ERROR(bind(s, (void *)at("127.0.0.1", 0), 8), EINVAL);
    CHECK_ERROR(connect(s, (void *)at("127.0.0.1", 1), sizeof found), ECONNREFUSED);
    CHECK_ERROR(read(s, other, 1), ENOTCONN);
    CHECK_ERROR(send(s, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_ERROR(shutdown(s, SHUT_WR), ENOTCONN);
    CHECK_ERROR(write(u, "x", 1), EDESTADDRREQ);
    CHECK_ERROR(listen(u, 1), EOPNOTSUPP);
    CHECK_ERROR(accept(s, NULL, NULL), EINVAL);
    fd = listener("127.0.0.1", &port);
    CHECK(close(s) == 0 && (s = socket(AF_INET, SOCK_STREAM, 0)) >= 0); /* these calls gave them ports */
    CHECK(close(u) == 0 && (u = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
    CHECK_ERROR(bind(s, (void *)at("127.0.0.1", port), sizeof found), EADDRINUSE);
    CHECK_ERROR(bind(s, (void *)at("0.0.0.0", port), sizeof found), EADDRINUSE);
    CHECK(bind(s, (void *)at("127.0.0.2", port), sizeof found) == 0);
    CHECK(bind(u, (void *)at("127.0.0.1", port), sizeof found) == 0); /* UDP has ports of its own */
    CHECK(close(s) == 0 && close(u) == 0 && close(fd) == 0);
    CHECK((s = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &(int){1}, 4) == 0);
    CHECK(bind(s, (void *)at("127.0.0.1", port), sizeof found) == 0 && close(s) == 0);
}

static void a_connection(void) {
    int port, s = listener("0.0.0.0", &port), t = connected(port), u;
    size = sizeof found;
    CHECK((u = accept(s, (void *)&found, &size)) >= 0 && size == sizeof found);
    CHECK(found.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && ntohs(found.sin_port) == port_of(t));
    CHECK(port_of(u) == port && found.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    size = sizeof found;
    CHECK(getpeername(t, (void *)&found, &size) == 0 && ntohs(found.sin_port) == port);
    CHECK(setsockopt(t, IPPROTO_TCP, TCP_NODELAY, &(int){1}, 4) == 0 && option(t, IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK_ERROR(connect(t, (void *)at("127.0.0.1", port), sizeof found), EISCONN);
    CHECK(write(t, "there", 5) == 5 && recv(u, other, 99, 0) == 5 && send(u, "back", 4, 0) == 4 && read(t, other, 9) == 4);
    pid_t pid = fork();
    if (pid == 0) {
        for (int k = 0; k < MANY; k++) buffer[k] = (char)(k % 101);
        CHECK(write(t, buffer, MANY) == MANY);
        _exit(0);
    }
    CHECK(recv(u, other, MANY, MSG_WAITALL) == MANY && wait(NULL) == pid);
    for (int k = 0; k < MANY; k++) CHECK(other[k] == (char)(k % 101));
    CHECK(shutdown(t, SHUT_WR) == 0 && read(u, other, 1) == 0 && write(u, "half", 4) == 4 && read(t, other, 9) == 4);
    CHECK(close(u) == 0 && read(t, other, 9) == 0 && close(t) == 0 && close(s) == 0);
}

static void without_waiting(void) {
    int port, s = listener("127.0.0.1", &port), t = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), u, e = epoll_create1(0);
    struct epoll_event event = {EPOLLIN, {.fd = s}};
    CHECK(epoll_ctl(e, EPOLL_CTL_ADD, s, &event) == 0 && epoll_wait(e, &event, 1, 0) == 0);
    CHECK_ERROR(connect(t, (void *)at("127.0.0.1", port), sizeof found), EINPROGRESS);
    CHECK(epoll_wait(e, &event, 1, -1) == 1 && event.data.fd == s && (u = accept4(s, NULL, NULL, SOCK_NONBLOCK)) >= 0);
    struct pollfd wanted = {t, POLLOUT, 0};
    CHECK(poll(&wanted, 1, -1) == 1 && wanted.revents == POLLOUT && option(t, SOL_SOCKET, SO_ERROR) == 0);
    CHECK(connect(t, (void *)at("127.0.0.1", port), sizeof found) == 0);
    CHECK_ERROR(connect(t, (void *)at("127.0.0.1", port), sizeof found), EISCONN);
    CHECK_ERROR(recv(u, other, 1, 0), EAGAIN);
    event = (struct epoll_event){EPOLLIN | EPOLLRDHUP, {.fd = u}};
    CHECK(epoll_ctl(e, EPOLL_CTL_ADD, u, &event) == 0 && write(t, "x", 1) == 1);
    CHECK(epoll_wait(e, &event, 1, -1) == 1 && event.data.fd == u && event.events == EPOLLIN && read(u, other, 9) == 1);
    CHECK(close(t) == 0 && epoll_wait(e, &event, 1, -1) == 1 && event.events == (EPOLLIN | EPOLLRDHUP));
    CHECK(close(u) == 0 && close(s) == 0 && (t = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0);
    CHECK_ERROR(connect(t, (void *)at("127.0.0.1", port), sizeof found), EINPROGRESS);
    wanted.fd = t;
    CHECK(poll(&wanted, 1, -1) == 1 && wanted.revents & POLLERR && option(t, SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
    CHECK(close(t) == 0 && close(e) == 0);
}

static void datagrams(void) {
    int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0), n;
    CHECK(bind(a, (void *)at("127.0.0.1", 0), sizeof found) == 0 && bind(b, (void *)at("0.0.0.0", 0), sizeof found) == 0);
    int to_a = port_of(a), to_b = port_of(b);
    CHECK(sendto(a, "hello", 5, 0, (void *)at("127.0.0.1", to_b), sizeof found) == 5 && ready(b, POLLIN) == POLLIN);
    CHECK(ioctl(b, FIONREAD, &n) == 0 && n == 5);
    size = sizeof found;
    CHECK(recvfrom(b, other, 3, MSG_TRUNC, (void *)&found, &size) == 5 && ntohs(found.sin_port) == to_a);
    CHECK_ERROR(recv(b, other, 3, MSG_DONTWAIT), EAGAIN);
    CHECK(connect(b, (void *)&found, sizeof found) == 0 && write(b, "answer", 6) == 6 && read(a, other, 99) == 6);
    CHECK(sendto(c, "other", 5, 0, (void *)at("127.0.0.1", to_b), sizeof found) == 5); /* b hears only a */
    CHECK_ERROR(recv(b, other, 3, MSG_DONTWAIT), EAGAIN);
    CHECK(sendto(c, buffer, 65507, 0, (void *)at("127.0.0.1", to_a), sizeof found) == 65507);
    CHECK(recv(a, other, MANY, 0) == 65507);
    CHECK_ERROR(sendto(c, buffer, 65508, 0, (void *)at("127.0.0.1", to_a), sizeof found), EMSGSIZE);
    struct iovec parts[2] = {{buffer, 3}, {buffer, 4}};
    struct msghdr message = {.msg_name = at("127.0.0.1", to_a), .msg_namelen = sizeof found, .msg_iov = parts};
    message.msg_iovlen = 2;
    CHECK(sendmsg(c, &message, 0) == 7);
    message.msg_name = &found;
    parts[1].iov_len = 2;
    CHECK(recvmsg(a, &message, 0) == 5 && message.msg_flags & MSG_TRUNC && message.msg_namelen == sizeof found);
    CHECK(close(a) == 0 && write(b, "x", 1) == 1); /* nobody is there any more, which the next call hears */
    CHECK_ERROR(read(b, other, 1), ECONNREFUSED);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    CHECK(connect(b, &none, sizeof none) == 0);
    CHECK_ERROR(write(b, "x", 1), EDESTADDRREQ);
    CHECK(close(b) == 0 && close(c) == 0);
}

static void version_six(void) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    int s = socket(AF_INET6, SOCK_STREAM, 0), t = socket(AF_INET6, SOCK_STREAM, 0), u;
    if (s < 0) return; /* a host without it */
    size = sizeof address;
    CHECK(bind(s, (void *)&address, size) == 0 && listen(s, 5) == 0 && getsockname(s, (void *)&address, &size) == 0);
    int port = ntohs(address.sin6_port);
    address.sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
    CHECK(size == sizeof address);
    if (connect(t, (void *)&address, size) == 0) {
        CHECK((u = accept(s, (void *)&address, &size)) >= 0 && address.sin6_addr.s6_addr[15] == 1 && write(t, "six", 3) == 3);
        CHECK(read(u, other, 9) == 3 && close(u) == 0);
    }
    int v = connected(port);
    CHECK((u = accept(s, (void *)&address, &size)) >= 0 && IN6_IS_ADDR_V4MAPPED(&address.sin6_addr));
    CHECK(close(u) == 0 && close(v) == 0 && close(t) == 0 && close(s) == 0);
}

/* One process with epoll serves many clients, each a process. */
static void serving(void) {
    enum { CLIENTS = 8, ROUNDS = 30 };
    int port, s = listener("127.0.0.1", &port), e = epoll_create1(0), ended = 0, status;
    struct epoll_event event = {EPOLLIN, {.fd = s}}, events[4];
    CHECK(epoll_ctl(e, EPOLL_CTL_ADD, s, &event) == 0);
    for (int k = 0; k < CLIENTS; k++) {
        if (fork() == 0) {
            int t = connected(port), got;
            for (int round = k; round < k + ROUNDS; round++) {
                CHECK(write(t, &round, sizeof round) == sizeof round && recv(t, &got, sizeof got, MSG_WAITALL) == sizeof got);
                CHECK(got == ~round);
            }
            _exit(0);
        }
    }
    while (ended < CLIENTS) {
        int n = epoll_wait(e, events, 4, -1), got;
        CHECK(n > 0);
        for (int k = 0; k < n; k++) {
            int fd = events[k].data.fd;
            if (fd == s) {
                event.data.fd = accept(s, NULL, NULL);
                CHECK(event.data.fd >= 0 && epoll_ctl(e, EPOLL_CTL_ADD, event.data.fd, &event) == 0);
            } else if (recv(fd, &got, sizeof got, MSG_WAITALL) == sizeof got) {
                got = ~got;
                CHECK(write(fd, &got, sizeof got) == sizeof got);
            } else {
                CHECK(close(fd) == 0);
                ended++;
            }
        }
    }
    for (int k = 0; k < CLIENTS; k++) CHECK(wait(&status) > 0 && status == 0);
    CHECK(close(s) == 0 && close(e) == 0);
}

int main(void) {
    errors();
    a_connection();
    without_waiting();
    datagrams();
    version_six();
    serving();
    return ok("inet");
}
