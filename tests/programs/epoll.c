/* eventfd(2), epoll(7), poll(2), select(2), signalfd(2): what a program can see of them, with sleepers and several processes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define MANY 100
#define MOST (UINT64_MAX - 1)

static volatile sig_atomic_t alarms;

static void on_signal(int number) { alarms += number == SIGUSR1; }

static void nap(int ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

static long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int await(pid_t pid) {
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void put(int fd, uint64_t value) { CHECK(write(fd, &value, 8) == 8); }

static uint64_t get(int fd) {
    uint64_t value = 0;
    CHECK(read(fd, &value, 8) == 8);
    return value;
}

static int control(int set, int operation, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(set, operation, fd, &event);
}

static int add(int set, int fd, uint32_t events, uint64_t data) { return control(set, EPOLL_CTL_ADD, fd, events, data); }

/* The events of the one file that is ready, -1 if none is; -2 if there are more. */
static long only(int set, uint64_t data) {
    struct epoll_event events[4];
    int n = epoll_wait(set, events, 4, 0);
    CHECK(n >= 0);
    if (n == 0) return -1;
    return n == 1 && events[0].data.u64 == data ? (long)events[0].events : -2;
}

/* --- event counters --- */

static void *reads_once(void *fd) { return (void *)get(*(int *)fd); }

static void *writes_once(void *fd) {
    put(*(int *)fd, 1);
    return NULL;
}

static void counters(void) {
    uint64_t value = 1;
    int fd = eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC), one = eventfd(0, EFD_SEMAPHORE);
    CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
    put(fd, 4);
    CHECK(get(fd) == 7);
    CHECK_ERROR(read(fd, &value, 8), EAGAIN);
    CHECK_ERROR(read(fd, &value, 7), EINVAL);
    CHECK_ERROR(write(fd, &value, 7), EINVAL);
    CHECK_ERROR(write(fd, (void *)16, 8), EFAULT);
    value = UINT64_MAX;
    CHECK_ERROR(write(fd, &value, 8), EINVAL);
    put(fd, MOST);
    value = 1;
    CHECK_ERROR(write(fd, &value, 8), EAGAIN);
    CHECK(get(fd) == MOST);
    put(one, 3);
    CHECK(get(one) == 1 && get(one) == 1 && get(one) == 1);
    CHECK_ERROR(eventfd(0, 2), EINVAL);
    struct stat status;
    CHECK(fstat(fd, &status) == 0 && (status.st_mode & 0777) == 0600);
    char link[64], name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, link, sizeof link);
    CHECK(n > 0 && memcmp(link, "anon_inode:[eventfd]", n) == 0);

    int waited = eventfd(0, 0);
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, NULL, reads_once, &waited) == 0);
    nap(5);
    put(waited, 9);
    CHECK(pthread_join(thread, &result) == 0 && (long)result == 9);
    put(waited, MOST);
    CHECK(pthread_create(&thread, NULL, writes_once, &waited) == 0);
    nap(5);
    CHECK(get(waited) == MOST && pthread_join(thread, NULL) == 0 && get(waited) == 1);

    pid_t child = fork(); /* the counter is shared */
    if (child == 0) {
        put(waited, 5);
        _exit(0);
    }
    CHECK(get(waited) == 5 && await(child) == 0);
    CHECK(close(fd) == 0 && close(one) == 0 && close(waited) == 0);
}

/* --- sets --- */

static void modes(void) {
    int set = epoll_create1(EPOLL_CLOEXEC), fd = eventfd(0, EFD_NONBLOCK);
    CHECK(fcntl(set, F_GETFD) == FD_CLOEXEC);
    CHECK(add(set, fd, EPOLLIN, 7) == 0 && only(set, 7) == -1);
    CHECK_ERROR(add(set, fd, EPOLLIN, 7), EEXIST);
    put(fd, 1);
    CHECK(only(set, 7) == EPOLLIN && only(set, 7) == EPOLLIN);
    CHECK(get(fd) == 1 && only(set, 7) == -1);
    CHECK(control(set, EPOLL_CTL_MOD, fd, EPOLLOUT, 8) == 0 && only(set, 8) == EPOLLOUT);
    CHECK(control(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT | EPOLLET, 9) == 0);
    CHECK(only(set, 9) == EPOLLOUT && only(set, 9) == -1);
    put(fd, 1);
    CHECK(only(set, 9) == (EPOLLIN | EPOLLOUT) && only(set, 9) == -1);
    put(fd, 1);
    put(fd, 1);
    CHECK(only(set, 9) == (EPOLLIN | EPOLLOUT) && only(set, 9) == -1);
    CHECK(control(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT, 10) == 0);
    CHECK(only(set, 10) == EPOLLIN && only(set, 10) == -1);
    put(fd, 1);
    CHECK(only(set, 10) == -1);
    CHECK(control(set, EPOLL_CTL_MOD, fd, EPOLLIN, 11) == 0 && only(set, 11) == EPOLLIN);
    CHECK(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == 0 && only(set, 11) == -1);
    CHECK_ERROR(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL), ENOENT);
    CHECK_ERROR(control(set, EPOLL_CTL_MOD, fd, EPOLLIN, 1), ENOENT);
    CHECK(close(set) == 0 && close(fd) == 0);
}

static void refused(void) {
    int set = epoll_create1(0), fd = eventfd(0, 0), file = open("/tmp/epoll-file", O_CREAT | O_RDWR, 0600);
    struct epoll_event event;
    CHECK_ERROR(add(set, file, EPOLLIN, 0), EPERM);
    CHECK_ERROR(add(set, set, EPOLLIN, 0), EINVAL);
    CHECK_ERROR(add(fd, set, EPOLLIN, 0), EINVAL);
    CHECK_ERROR(add(set, 999, EPOLLIN, 0), EBADF);
    CHECK_ERROR(add(999, fd, EPOLLIN, 0), EBADF);
    CHECK_ERROR(control(set, 77, fd, EPOLLIN, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_epoll_ctl, set, EPOLL_CTL_ADD, fd, 16L), EFAULT);
    CHECK_ERROR(epoll_wait(set, &event, 0, 0), EINVAL);
    CHECK_ERROR(epoll_wait(fd, &event, 1, 0), EINVAL);
    CHECK_ERROR(epoll_wait(999, &event, 1, 0), EBADF);
    CHECK_ERROR(syscall(SYS_epoll_pwait, set, &event, 1, 0, &alarms, 4L), EINVAL);
    CHECK_ERROR(epoll_create1(1), EINVAL);
    CHECK_ERROR(read(set, &event, 8), EINVAL);
    CHECK_ERROR(write(set, &event, 8), EINVAL);
    CHECK_ERROR(add(set, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 0), EINVAL);
    CHECK(add(set, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLET, 3) == 0);
    CHECK_ERROR(control(set, EPOLL_CTL_MOD, fd, EPOLLIN, 0), EINVAL);
    put(fd, 1);
    CHECK_ERROR(syscall(SYS_epoll_pwait, set, 16L, 1, 0, NULL, 8L), EFAULT);
    CHECK(only(set, 3) == EPOLLIN && only(set, 3) == -1); /* it is not lost with that */
    CHECK(close(set) == 0 && close(fd) == 0 && close(file) == 0 && unlink("/tmp/epoll-file") == 0);
}

static void pipes(void) {
    int set = epoll_create1(0), p[2], s[2];
    static char full[65536], piece[4096];
    CHECK(pipe2(p, O_NONBLOCK) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) == 0);
    CHECK(add(set, p[0], EPOLLIN | EPOLLET, 1) == 0 && only(set, 1) == -1);
    CHECK(write(p[1], "ab", 2) == 2 && only(set, 1) == EPOLLIN && only(set, 1) == -1);
    CHECK(write(p[1], "c", 1) == 1 && only(set, 1) == EPOLLIN);
    CHECK(add(set, p[1], EPOLLOUT | EPOLLET, 2) == 0 && only(set, 2) == EPOLLOUT && only(set, 2) == -1);
    CHECK(read(p[0], piece, 2) == 2 && only(set, 2) == -1); /* there was room before */
    while (write(p[1], full, sizeof full) > 0) continue;
    CHECK(only(set, 1) == EPOLLIN);
    while (read(p[0], piece, sizeof piece) > 0) continue;
    CHECK(only(set, 2) == EPOLLOUT);
    CHECK(close(p[1]) == 0 && only(set, 1) == EPOLLHUP && close(p[0]) == 0 && only(set, 1) == -1);
    CHECK(add(set, s[0], EPOLLIN | EPOLLOUT | EPOLLET, 3) == 0 && only(set, 3) == EPOLLOUT && only(set, 3) == -1);
    CHECK(write(s[1], "x", 1) == 1 && only(set, 3) == (EPOLLIN | EPOLLOUT) && only(set, 3) == -1);
    CHECK(close(s[1]) == 0 && only(set, 3) == (EPOLLIN | EPOLLOUT | EPOLLHUP));
    CHECK(close(s[0]) == 0 && close(set) == 0 && pipe(p) == 0);
    struct pollfd normal = {p[0], POLLRDNORM, 0};
    CHECK(write(p[1], "x", 1) == 1 && poll(&normal, 1, 0) == 1 && normal.revents == POLLRDNORM);
    CHECK(close(p[0]) == 0 && close(p[1]) == 0);
    /* a watch goes with the last descriptor of its file, not with the one by which it was added */
    set = epoll_create1(0);
    int fd = eventfd(1, 0), copy = dup(fd);
    CHECK(add(set, fd, EPOLLIN, 4) == 0 && close(fd) == 0 && only(set, 4) == EPOLLIN);
    CHECK_ERROR(epoll_ctl(set, EPOLL_CTL_DEL, copy, NULL), ENOENT);
    CHECK(add(set, copy, EPOLLIN | EPOLLONESHOT, 5) == 0);
    pid_t child = fork();
    if (child == 0) {
        nap(10);
        _exit(0);
    }
    CHECK(close(copy) == 0);
    struct epoll_event events[4];
    CHECK(epoll_wait(set, events, 4, 0) == 2); /* the child has it still */
    CHECK(await(child) == 0 && epoll_wait(set, events, 4, 0) == 0 && close(set) == 0);
}

static void many(void) {
    int set = epoll_create1(0), fd[MANY], seen[MANY] = {0};
    struct epoll_event events[MANY];
    for (int k = 0; k < MANY; k++) {
        fd[k] = eventfd(1, 0);
        CHECK(add(set, fd[k], EPOLLIN, k) == 0);
    }
    CHECK(epoll_wait(set, events, MANY, 0) == MANY);
    for (int k = 0; k < MANY; k++) seen[events[k].data.u64]++;
    for (int turn = 0; turn < MANY / 4; turn++) { /* those that are reported come behind the others */
        CHECK(epoll_wait(set, events, 4, 0) == 4);
        for (int k = 0; k < 4; k++) seen[events[k].data.u64]++;
    }
    for (int k = 0; k < MANY; k++) CHECK(seen[k] == 2 && close(fd[k]) == 0);
    CHECK(close(set) == 0);
}

static void nests(void) {
    int fd = eventfd(0, 0), set[6];
    for (int k = 0; k < 6; k++) set[k] = epoll_create1(0);
    CHECK(add(set[0], fd, EPOLLIN, 1) == 0);
    for (int k = 1; k < 5; k++) CHECK(add(set[k], set[k - 1], EPOLLIN, k) == 0);
    CHECK_ERROR(add(set[5], set[4], EPOLLIN, 5), ELOOP);
    CHECK_ERROR(add(set[0], set[2], EPOLLIN, 5), ELOOP);
    CHECK(only(set[4], 4) == -1);
    put(fd, 1);
    CHECK(only(set[4], 4) == EPOLLIN && only(set[4], 4) == EPOLLIN && only(set[0], 1) == EPOLLIN);
    struct pollfd polled = {.fd = set[3], .events = POLLIN};
    CHECK(poll(&polled, 1, 0) == 1 && polled.revents == POLLIN);
    get(fd);
    CHECK(only(set[4], 4) == -1 && poll(&polled, 1, 0) == 0);
    pid_t child = fork();
    if (child == 0) {
        nap(5);
        put(fd, 1);
        _exit(0);
    }
    CHECK(poll(&polled, 1, -1) == 1 && polled.revents == POLLIN && await(child) == 0);
    CHECK(epoll_ctl(set[2], EPOLL_CTL_DEL, set[1], NULL) == 0 && only(set[4], 4) == -1);
    CHECK(add(set[1], set[5], EPOLLIN, 5) == 0 && add(set[5], fd, EPOLLIN, 6) == 0 && only(set[1], 5) == -2);
    for (int k = 0; k < 6; k++) CHECK(close(set[k]) == 0);
    CHECK(close(fd) == 0);
}

/* --- sleepers --- */

static struct { int set, fd, woken, done; } shared;

static void *waits(void *unused) {
    struct epoll_event event;
    while (!__atomic_load_n(&shared.done, __ATOMIC_SEQ_CST)) {
        int n = epoll_wait(shared.set, &event, 1, -1);
        CHECK(n == 1);
        if (event.data.u64 == 1) __atomic_fetch_add(&shared.woken, 1, __ATOMIC_SEQ_CST);
    }
    return unused;
}

static void sleepers(void) {
    pthread_t threads[4];
    int end = eventfd(0, 0);
    shared.set = epoll_create1(0), shared.fd = eventfd(0, EFD_NONBLOCK);
    CHECK(add(shared.set, shared.fd, EPOLLIN | EPOLLET, 1) == 0 && add(shared.set, end, EPOLLIN, 2) == 0);
    for (int k = 0; k < 4; k++) CHECK(pthread_create(&threads[k], NULL, waits, NULL) == 0);
    for (int k = 1; k <= 20; k++) { /* by edge, each write wakes one of them */
        put(shared.fd, 1);
        while (__atomic_load_n(&shared.woken, __ATOMIC_SEQ_CST) < k) sched_yield();
    }
    nap(5);
    CHECK(shared.woken == 20);
    __atomic_store_n(&shared.done, 1, __ATOMIC_SEQ_CST);
    put(end, 1); /* by level, all of them */
    for (int k = 0; k < 4; k++) CHECK(pthread_join(threads[k], NULL) == 0);
    CHECK(close(shared.set) == 0 && close(shared.fd) == 0 && close(end) == 0);
}

static void *adds_later(void *unused) {
    nap(5);
    CHECK(add(shared.set, shared.fd, EPOLLIN, 3) == 0);
    return unused;
}

static void late(void) {
    struct epoll_event event;
    struct timespec wait = {0, 8000000};
    pthread_t thread;
    int p[2], q[2];
    shared.set = epoll_create1(0), shared.fd = eventfd(1, 0);
    long began = now_ms();
    CHECK(epoll_wait(shared.set, &event, 1, 20) == 0 && now_ms() - began >= 19);
    CHECK(syscall(SYS_epoll_pwait2, shared.set, &event, 1, &wait, NULL, 8L) == 0);
    wait.tv_nsec = -1;
    CHECK_ERROR(syscall(SYS_epoll_pwait2, shared.set, &event, 1, &wait, NULL, 8L), EINVAL);
    CHECK(pthread_create(&thread, NULL, adds_later, NULL) == 0); /* what is added is looked at for sleepers too */
    CHECK(epoll_wait(shared.set, &event, 1, -1) == 1 && event.data.u64 == 3 && pthread_join(thread, NULL) == 0);
    CHECK(close(shared.fd) == 0 && pipe(p) == 0 && pipe(q) == 0);
    CHECK(add(shared.set, p[0], EPOLLIN, 1) == 0 && add(shared.set, q[0], EPOLLIN, 2) == 0);
    pid_t child = fork();
    if (child == 0) {
        char byte = 'x';
        CHECK(close(p[1]) == 0); /* not the last one */
        nap(5);
        CHECK(write(q[1], &byte, 1) == 1);
        _exit(0);
    }
    CHECK(epoll_wait(shared.set, &event, 1, -1) == 1 && event.data.u64 == 2 && event.events == EPOLLIN);
    CHECK(await(child) == 0 && epoll_ctl(shared.set, EPOLL_CTL_DEL, q[0], NULL) == 0);
    child = fork();
    if (child == 0) {
        nap(10);
        _exit(0);
    }
    CHECK(close(p[1]) == 0 && epoll_wait(shared.set, &event, 1, -1) == 1 && event.events == EPOLLHUP);
    CHECK(await(child) == 0 && close(p[0]) == 0 && close(q[0]) == 0 && close(q[1]) == 0 && close(shared.set) == 0);
}

static void masks(void) {
    struct epoll_event event;
    sigset_t blocked, none, before;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    int set = epoll_create1(0), fd = eventfd(0, 0);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && add(set, fd, EPOLLIN, 1) == 0);
    sigemptyset(&none), sigemptyset(&blocked), sigaddset(&blocked, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &blocked, &before) == 0 && kill(getpid(), SIGUSR1) == 0 && alarms == 0);
    CHECK(epoll_pwait(set, &event, 1, 1, NULL) == 0 && alarms == 0);
    CHECK_ERROR(epoll_pwait(set, &event, 1, -1, &none), EINTR); /* also with SA_RESTART */
    CHECK(alarms == 1 && sigprocmask(SIG_BLOCK, NULL, &none) == 0 && sigismember(&none, SIGUSR1));
    sigemptyset(&none);
    pid_t child = fork();
    if (child == 0) {
        nap(10);
        CHECK(kill(getppid(), SIGUSR1) == 0);
        nap(10);
        put(fd, 1);
        _exit(0);
    }
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    CHECK_ERROR(ppoll(&polled, 1, NULL, &none), EINTR);
    CHECK(alarms == 2 && ppoll(&polled, 1, NULL, NULL) == 1 && await(child) == 0);
    CHECK(epoll_pwait(set, &event, 1, -1, &none) == 1);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &none) == 0 && sigismember(&none, SIGUSR1));
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0 && close(fd) == 0 && close(set) == 0);
}

/* --- poll and select --- */

static void polls(void) {
    int p[2], fd = eventfd(0, 0);
    CHECK(pipe(p) == 0);
    struct pollfd polled[4] = {{p[0], POLLIN, 9}, {-1, POLLIN, 9}, {fd, POLLIN | POLLOUT, 9}, {999, POLLIN, 9}};
    CHECK(poll(polled, 4, 0) == 2 && polled[0].revents == 0 && polled[1].revents == 0);
    CHECK(polled[2].revents == POLLOUT && polled[3].revents == POLLNVAL);
    polled[2].events = POLLIN;
    long began = now_ms();
    CHECK(poll(polled, 3, 15) == 0 && now_ms() - began >= 14);
    pid_t child = fork();
    if (child == 0) {
        nap(5);
        put(fd, 1);
        _exit(0);
    }
    CHECK(poll(polled, 3, -1) == 1 && polled[2].revents == POLLIN && polled[0].revents == 0 && await(child) == 0);
    child = fork();
    if (child == 0) {
        nap(5);
        _exit(0);
    }
    get(fd);
    CHECK(close(p[1]) == 0 && poll(polled, 3, 10000) == 1 && polled[0].revents == POLLHUP && await(child) == 0);
    CHECK_ERROR(syscall(SYS_ppoll, 16L, 1, NULL, NULL, 8L), EFAULT);
    CHECK_ERROR(syscall(SYS_ppoll, polled, 1L << 30, NULL, NULL, 8L), EINVAL);
    struct timespec left = {100, 0};
    put(fd, 1);
    CHECK(syscall(SYS_ppoll, polled, 3, &left, NULL, 8L) == 2);

    fd_set reading, writing;
    struct timeval wait = {0, 10000};
    FD_ZERO(&reading); FD_ZERO(&writing);
    FD_SET(fd, &reading); FD_SET(p[0], &reading), FD_SET(fd, &writing);
    CHECK(select(p[1] + 1, &reading, &writing, NULL, NULL) == 3);
    CHECK(FD_ISSET(fd, &reading) && FD_ISSET(p[0], &reading) && FD_ISSET(fd, &writing));
    get(fd);
    FD_ZERO(&reading); FD_SET(fd, &reading);
    CHECK(select(fd + 1, &reading, NULL, NULL, &wait) == 0 && !FD_ISSET(fd, &reading));
    FD_SET(fd, &reading); FD_SET(p[0], &writing), FD_CLR(fd, &writing);
    child = fork();
    if (child == 0) {
        nap(5);
        put(fd, 1);
        _exit(0);
    }
    CHECK(select(p[1] + 1, &reading, &writing, NULL, NULL) == 1 && FD_ISSET(fd, &reading) && !FD_ISSET(p[0], &writing));
    CHECK(await(child) == 0 && close(p[0]) == 0 && close(fd) == 0);
    FD_ZERO(&reading); FD_SET(fd, &reading);
    CHECK_ERROR(select(fd + 1, &reading, NULL, NULL, NULL), EBADF);
    CHECK_ERROR(select(-1, &reading, NULL, NULL, NULL), EINVAL);
    wait.tv_usec = 2000;
    CHECK(select(0, NULL, NULL, NULL, &wait) == 0);
}

/* --- files of the system server's: timers, named pipes --- */

static void served(void) {
    struct epoll_event event;
    int set = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), fd = eventfd(0, 0);
    struct itimerspec soon = {.it_value.tv_nsec = 5000000}, never = {0};
    CHECK(add(set, timer, EPOLLIN, 1) == 0 && add(set, fd, EPOLLIN, 2) == 0 && only(set, 1) == -1);
    CHECK(timerfd_settime(timer, 0, &soon, NULL) == 0);
    CHECK(epoll_wait(set, &event, 1, -1) == 1 && event.data.u64 == 1 && event.events == EPOLLIN);
    CHECK(only(set, 1) == EPOLLIN && get(timer) == 1 && only(set, 1) == -1);
    CHECK(control(set, EPOLL_CTL_MOD, timer, EPOLLIN | EPOLLET, 3) == 0 && timerfd_settime(timer, 0, &soon, NULL) == 0);
    CHECK(epoll_wait(set, &event, 1, -1) == 1 && event.data.u64 == 3 && only(set, 3) == -1);
    CHECK(timerfd_settime(timer, 0, &never, NULL) == 0 && close(timer) == 0 && only(set, 3) == -1);
    CHECK(mkfifo("/tmp/epoll-fifo", 0600) == 0);
    int fifo = open("/tmp/epoll-fifo", O_RDWR | O_NONBLOCK);
    CHECK(fifo >= 0 && add(set, fifo, EPOLLIN, 4) == 0 && only(set, 4) == -1);
    pid_t child = fork();
    if (child == 0) {
        nap(5);
        CHECK(write(fifo, "x", 1) == 1);
        _exit(0);
    }
    CHECK(epoll_wait(set, &event, 1, -1) == 1 && event.data.u64 == 4 && await(child) == 0);
    struct pollfd polled[2] = {{fifo, POLLOUT, 0}, {fd, POLLIN, 0}}; /* both kinds at once */
    CHECK(poll(polled, 2, 0) == 1 && polled[0].revents == POLLOUT);
    polled[0].events = 0;
    child = fork();
    if (child == 0) {
        nap(5);
        put(fd, 1);
        _exit(0);
    }
    CHECK(poll(polled, 2, -1) == 1 && polled[1].revents == POLLIN && await(child) == 0);
    CHECK(close(fifo) == 0 && close(fd) == 0 && close(set) == 0 && unlink("/tmp/epoll-fifo") == 0);
}

static void signals(void) {
    struct epoll_event event;
    struct signalfd_siginfo info[3];
    sigset_t mask, before;
    sigemptyset(&mask), sigaddset(&mask, SIGUSR1), sigaddset(&mask, SIGCHLD);
    CHECK(sigprocmask(SIG_BLOCK, &mask, &before) == 0);
    int set = epoll_create1(0), fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && add(set, fd, EPOLLIN, 1) == 0 && only(set, 1) == -1);
    CHECK_ERROR(read(fd, info, sizeof info), EAGAIN);
    CHECK_ERROR(read(fd, info, 100), EINVAL);
    CHECK_ERROR(signalfd(set, &mask, 0), EINVAL);
    CHECK(kill(getpid(), SIGUSR1) == 0 && only(set, 1) == EPOLLIN);
    CHECK(read(fd, info, sizeof info) == sizeof info[0] && info[0].ssi_signo == SIGUSR1);
    CHECK(info[0].ssi_pid == (uint32_t)getpid() && info[0].ssi_code == SI_USER && only(set, 1) == -1);
    pid_t child = fork();
    if (child == 0) {
        nap(5);
        _exit(7);
    }
    CHECK(epoll_wait(set, &event, 1, -1) == 1 && event.data.u64 == 1);
    CHECK(read(fd, info, sizeof info) == sizeof info[0] && info[0].ssi_signo == SIGCHLD);
    CHECK(info[0].ssi_pid == (uint32_t)child && info[0].ssi_code == CLD_EXITED && info[0].ssi_status == 7);
    CHECK(await(child) == 7);
    child = fork();
    if (child == 0) {
        nap(5);
        CHECK(kill(getppid(), SIGUSR1) == 0);
        nap(5);
        _exit(0);
    }
    CHECK(fcntl(fd, F_SETFL, 0) == 0 && read(fd, info, sizeof info[0]) == sizeof info[0]);
    CHECK(info[0].ssi_signo == SIGUSR1 && info[0].ssi_pid == (uint32_t)child);
    struct pollfd polled = {fd, POLLIN, 0};
    CHECK(poll(&polled, 1, -1) == 1 && read(fd, info, sizeof info[0]) == sizeof info[0] && info[0].ssi_signo == SIGCHLD);
    CHECK(await(child) == 0 && close(fd) == 0 && close(set) == 0 && sigprocmask(SIG_SETMASK, &before, NULL) == 0);
}

static volatile int interrupted_once;

static void *polls_once(void *end) {
    struct pollfd poll_end = {*(int *)end, POLLIN, 0};
    CHECK_ERROR(poll(&poll_end, 1, -1), EINTR);
    interrupted_once = 1;
    return NULL; /* it never polls again: what the call slept with goes with the call */
}

static void interrupted(void) {
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t thread;
    int p[2];
    CHECK(pipe(p) == 0 && sigaction(SIGUSR2, &action, NULL) == 0);
    for (int k = 0; k < 5; k++) {
        interrupted_once = 0;
        CHECK(pthread_create(&thread, NULL, polls_once, &p[0]) == 0);
        while (!interrupted_once) {
            CHECK(pthread_kill(thread, SIGUSR2) == 0);
            nap(1);
        }
        CHECK(pthread_join(thread, NULL) == 0);
    }
    CHECK(close(p[0]) == 0 && close(p[1]) == 0);
}

int main(void) {
    counters();
    modes();
    refused();
    pipes();
    many();
    nests();
    sleepers();
    late();
    masks();
    polls();
    interrupted();
    served();
    signals();
    return ok("epoll");
}
