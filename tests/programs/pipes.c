/* Descriptors and pipes: every rule of pipe(7), dup(2) and fcntl(2) that a program can see. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define CAPACITY 65536
#define WRITERS 4
#define RECORDS 60

static char buffer[2 * CAPACITY + 1], other[2 * CAPACITY + 1];
static volatile sig_atomic_t broken, alarms;

static void on_signal(int number) {
    if (number == SIGPIPE) broken++;
    if (number == SIGUSR1) alarms++;
}

static int await(pid_t pid) {
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void descriptors(void) {
    int p[2], q[2];
    CHECK(pipe2(p, O_CLOEXEC) == 0 && pipe(q) == 0);
    CHECK(p[0] == 3 && p[1] == 4 && q[0] == 5 && q[1] == 6);
    CHECK(fcntl(p[0], F_GETFD) == FD_CLOEXEC && fcntl(q[0], F_GETFD) == 0);
    CHECK(fcntl(p[0], F_GETFL) == O_RDONLY && fcntl(p[1], F_GETFL) == O_WRONLY);
    CHECK(dup(p[0]) == 7 && fcntl(7, F_GETFD) == 0);
    CHECK(close(3) == 0 && fcntl(7, F_DUPFD, 0) == 3 && fcntl(3, F_DUPFD_CLOEXEC, 600) == 600);
    CHECK(fcntl(600, F_GETFD) == FD_CLOEXEC && fcntl(600, F_SETFD, 0) == 0 && fcntl(600, F_GETFD) == 0);
    CHECK_ERROR(fcntl(3, F_DUPFD, 1 << 20), EINVAL);
    CHECK_ERROR(fcntl(3, F_DUPFD, -1), EINVAL);
    CHECK_ERROR(fcntl(99, F_GETFD), EBADF);
    CHECK_ERROR(fcntl(99, F_DUPFD, 0), EBADF);
    CHECK_ERROR(fcntl(3, 999), EINVAL);
    CHECK(dup3(6, 600, O_CLOEXEC) == 600 && fcntl(600, F_GETFD) == FD_CLOEXEC && write(600, "x", 1) == 1);
    CHECK_ERROR(dup3(6, 6, 0), EINVAL);
    CHECK_ERROR(dup3(6, 9, 1), EINVAL);
    CHECK_ERROR(dup3(6, -1, 0), EBADF);
    CHECK_ERROR(dup3(99, 9, 0), EBADF);
    CHECK(dup2(6, 6) == 6);
    CHECK_ERROR(close(601), EBADF);
    CHECK_ERROR(close(-1), EBADF);
    CHECK_ERROR(read(4, buffer, 1), EBADF);
    CHECK_ERROR(write(3, buffer, 1), EBADF);
    CHECK_ERROR(pipe2(p, O_APPEND), EINVAL);
    CHECK_ERROR(syscall(SYS_pipe2, 8L, 0), EFAULT);
    struct rlimit old, few = {8, 0};
    CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
    few.rlim_max = old.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK_ERROR(dup(3), EMFILE);
    CHECK_ERROR(pipe(q), EMFILE);
    CHECK_ERROR(fcntl(3, F_DUPFD, 8), EINVAL);
    CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
    for (int fd = 3; fd < 8; fd++) CHECK(close(fd) == 0);
    CHECK(close(600) == 0);
    CHECK(open("/dev/null", O_RDONLY) == 3 && close(3) == 0);
}

static void data(void) {
    int p[2];
    CHECK(pipe(p) == 0);
    CHECK(fcntl(p[1], F_GETPIPE_SZ) == CAPACITY);
    for (size_t k = 0; k < sizeof buffer; k++) buffer[k] = (char)(k * 7 % 251);
    CHECK(write(p[1], buffer, 0) == 0 && read(p[0], other, 0) == 0);
    for (int round = 0; round < 5; round++) {  /* the ring wraps in the middle of a page */
        CHECK(write(p[1], buffer, CAPACITY - 100) == CAPACITY - 100);
        int waiting = 0;
        CHECK(ioctl(p[0], FIONREAD, &waiting) == 0 && waiting == CAPACITY - 100);
        CHECK(read(p[0], other, 10000) == 10000 && read(p[0], other + 10000, sizeof other - 10000) == CAPACITY - 10100);
        CHECK(memcmp(buffer, other, CAPACITY - 100) == 0);
    }
    struct iovec parts[4] = {{buffer, 3}, {buffer + 3, 0}, {buffer + 3, 5000}, {buffer + 5003, 1}};
    struct iovec into[3] = {{other, 1}, {other + 1, 4999}, {other + 5000, 100}};
    CHECK(writev(p[1], parts, 4) == 5004 && readv(p[0], into, 3) == 5004 && memcmp(buffer, other, 5004) == 0);
    CHECK(writev(p[1], parts, 0) == 0);
    CHECK_ERROR(writev(p[1], parts, -1), EINVAL);
    CHECK_ERROR(writev(p[1], parts, IOV_MAX + 1), EINVAL);
    CHECK_ERROR(writev(p[1], (struct iovec *)8, 1), EFAULT);
    struct iovec endless = {buffer, (size_t)-1};
    CHECK_ERROR(writev(p[1], &endless, 1), EINVAL);
    /* Memory that may not be used: nothing of a piece that meets it is moved. */
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED && munmap(page + 4096, 4096) == 0);
    CHECK_ERROR(write(p[1], page + 4096, 1), EFAULT);
    CHECK_ERROR(write(p[1], (char *)8, 10), EFAULT);
    CHECK_ERROR(write(p[1], page + 4090, 10), EFAULT);
    CHECK(write(p[1], "abcdef", 6) == 6);
    CHECK_ERROR(read(p[0], page + 4096, 6), EFAULT);
    CHECK_ERROR(read(p[0], page + 4093, 6), EFAULT);
    CHECK(read(p[0], page, 100) == 6 && memcmp(page, "abcdef", 6) == 0);
    CHECK(close(p[1]) == 0 && read(p[0], other, 1) == 0 && close(p[0]) == 0);
    CHECK(munmap(page, 4096) == 0);
}

static void no_waiting(void) {
    int p[2];
    CHECK(pipe2(p, O_NONBLOCK) == 0 && fcntl(p[0], F_GETFL) == (O_RDONLY | O_NONBLOCK));
    CHECK_ERROR(read(p[0], other, 1), EAGAIN);
    CHECK(write(p[1], buffer, 2 * CAPACITY) == CAPACITY);
    CHECK_ERROR(write(p[1], buffer, 1), EAGAIN);
    CHECK(read(p[0], other, 4095) == 4095);
    CHECK_ERROR(write(p[1], buffer, PIPE_BUF), EAGAIN);  /* all or nothing */
    CHECK(read(p[0], other, 1) == 1 && write(p[1], buffer, PIPE_BUF) == PIPE_BUF);
    CHECK(fcntl(p[0], F_SETFL, 0) == 0 && fcntl(p[0], F_GETFL) == O_RDONLY);
    CHECK(read(p[0], other, sizeof other) == CAPACITY);
    CHECK(fcntl(p[1], F_SETPIPE_SZ, 5000) == 8192 && fcntl(p[0], F_GETPIPE_SZ) == 8192);
    CHECK(write(p[1], buffer, 10000) == 8192);
    CHECK_ERROR(fcntl(p[1], F_SETPIPE_SZ, 4096), EBUSY);
    CHECK(read(p[0], other, sizeof other) == 8192 && fcntl(p[1], F_SETPIPE_SZ, 1) == 4096);
    CHECK(close(p[0]) == 0 && signal(SIGPIPE, on_signal) != SIG_ERR);
    CHECK_ERROR(write(p[1], buffer, 1), EPIPE);
    CHECK(broken == 1 && write(p[1], buffer, 0) == 0 && broken == 1);
    struct pollfd poll_end = {p[1], POLLOUT, 0};
    CHECK(poll(&poll_end, 1, 0) == 1 && poll_end.revents & POLLERR);
    CHECK(close(p[1]) == 0);
    CHECK(pipe(p) == 0 && close(p[0]) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        _exit((int)write(p[1], "x", 1));
    }
    CHECK(await(pid) == 1000 + SIGPIPE && close(p[1]) == 0);
}

/* Writers of records of different lengths up to PIPE_BUF: each arrives in one piece. */
static void records(void) {
    int p[2], seen[WRITERS] = {0};
    CHECK(pipe(p) == 0);
    for (int k = 0; k < WRITERS; k++)
        if (fork() == 0) {
            for (int n = 0; n < RECORDS; n++) {
                int length = 8 + (n * 1117 + k * 389) % (PIPE_BUF - 7);
                memset(buffer, 'a' + k, (size_t)length);
                memcpy(buffer, &length, 4);
                buffer[4] = (char)k, buffer[5] = (char)n;
                CHECK(write(p[1], buffer, (size_t)length) == length);
            }
            _exit(0);
        }
    CHECK(close(p[1]) == 0);
    for (int n = 0; n < WRITERS * RECORDS; n++) {
        int length, got = 0, step;
        CHECK(read(p[0], &length, 4) == 4 && length >= 8 && length <= PIPE_BUF);
        while (got < length - 4 && (step = (int)read(p[0], other + got, (size_t)(length - 4 - got))) > 0) got += step;
        CHECK(got == length - 4);
        int k = other[0];
        CHECK(k >= 0 && k < WRITERS && other[1] == (char)seen[k]++);
        for (int at = 4; at < got; at++) CHECK(other[at] == 'a' + k);
    }
    CHECK(read(p[0], other, 1) == 0 && close(p[0]) == 0);
    for (int k = 0; k < WRITERS; k++) CHECK(wait(NULL) > 0);
}

/* A long write goes on as there is room; what a signal interrupts returns what has been done. */
static void interrupted(void) {
    int p[2], back[2];
    struct sigaction action = {.sa_handler = on_signal};
    CHECK(pipe(p) == 0 && pipe(back) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        int left = 200000;
        close(p[1]);
        for (int at = 0; left > 0;) {
            int n = (int)read(p[0], other, (size_t)(left < 3000 ? left : 3000));
            CHECK(n > 0);
            for (int k = 0; k < n; k++, at++) CHECK(other[k] == (char)(at % 131));
            left -= n;
        }
        CHECK(write(back[1], "x", 1) == 1);
        while (read(p[0], other, 1) == 1 && other[0] != 'e') {
            usleep(1000);
            kill(parent, SIGUSR1);
        }
        _exit(0);
    }
    char *many = malloc(200000);
    for (int k = 0; k < 200000; k++) many[k] = (char)(k % 131);
    CHECK(write(p[1], many, 200000) == 200000 && read(back[0], other, 1) == 1);
    CHECK(write(p[1], "k", 1) == 1);
    CHECK_ERROR(read(back[0], other, 1), EINTR);
    CHECK(alarms == 1);
    CHECK(close(p[0]) == 0 && write(p[1], "ke", 2) == 2);
    int n = (int)read(back[0], other, 1);
    CHECK(n == -1 && errno == EINTR && alarms == 2);
    CHECK(await(pid) == 0);
    CHECK(close(p[1]) == 0 && close(back[0]) == 0 && close(back[1]) == 0);
    free(many);
}

static int shared_pipe[2], nr_closed;

static void *reader(void *unused) {
    (void)unused;
    char byte;
    return (void *)(long)read(shared_pipe[0], &byte, 1);
}

static void *closer(void *argument) {
    if (close((int)(long)argument) == 0) __atomic_fetch_add(&nr_closed, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* The last close of a writer wakes those who read; of two closes at once, one works. */
static void last_close(void) {
    pthread_t threads[4];
    for (int round = 0; round < 20; round++) {
        void *result = (void *)7;
        CHECK(pipe(shared_pipe) == 0);
        for (int k = 0; k < 2; k++) CHECK(pthread_create(&threads[k], NULL, reader, NULL) == 0);
        if (round & 1) sched_yield();
        nr_closed = 0;
        for (int k = 2; k < 4; k++) CHECK(pthread_create(&threads[k], NULL, closer, (void *)(long)shared_pipe[1]) == 0);
        for (int k = 0; k < 4; k++) {
            CHECK(pthread_join(threads[k], &result) == 0);
            CHECK(k >= 2 || result == NULL);
        }
        CHECK(nr_closed == 1 && close(shared_pipe[0]) == 0);
    }
}

static int swapped[2], other_pipe[2];
static long was_written;

static void *swapper(void *unused) {
    (void)unused;
    usleep(2000);
    CHECK(dup2(other_pipe[0], swapped[0]) == swapped[0]); /* closes what the reader reads */
    was_written = write(swapped[1], "old", 3);
    return NULL;
}

/* A read that waits ends with the file with which it began, whatever becomes of its descriptor.  Where the reader began
 * too late, it gets what is behind the new one, and another round has to show it. */
static void file_of_a_waiting_call(void) {
    pthread_t thread;
    int shown = 0;
    signal(SIGPIPE, SIG_IGN);
    for (int round = 0; round < 500 && !shown; round++) {
        char text[4] = {0};
        CHECK(pipe(swapped) == 0 && pipe(other_pipe) == 0 && write(other_pipe[1], "new", 3) == 3);
        CHECK(pthread_create(&thread, NULL, swapper, NULL) == 0);
        CHECK(read(swapped[0], text, 3) == 3 && pthread_join(thread, NULL) == 0);
        shown = strcmp(text, "old") == 0;
        CHECK(shown ? was_written == 3 : strcmp(text, "new") == 0 && was_written == -1);
        CHECK_ERROR(write(swapped[1], "x", 1), EPIPE);
        CHECK(close(swapped[0]) == 0 && close(swapped[1]) == 0 && close(other_pipe[0]) == 0 && close(other_pipe[1]) == 0);
    }
    CHECK(shown);
}

static volatile int was_interrupted;

static void nothing(int number) { (void)number; }

static void *interrupted_reader(void *unused) {
    (void)unused;
    char text[4] = {0};
    CHECK_ERROR(read(swapped[0], text, 3), EINTR);
    was_interrupted = 1;
    while (read(other_pipe[0], text, 3) != 3) CHECK(errno == EINTR);
    CHECK(strcmp(text, "new") == 0); /* and not what the first call waited for */
    return NULL;
}

static void *sleeping_reader(void *unused) {
    (void)unused;
    char byte;
    read(swapped[0], &byte, 1);
    return NULL;
}

/* A call that a signal ends, and a process that is killed in one, keep no end of a pipe open. */
static void ends_of_calls_that_ended(void) {
    pthread_t thread;
    char byte;
    struct sigaction action = {.sa_handler = nothing};
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0 && pipe(swapped) == 0 && pipe(other_pipe) == 0);
    CHECK(pthread_create(&thread, NULL, interrupted_reader, NULL) == 0);
    while (!was_interrupted) CHECK(pthread_kill(thread, SIGUSR2) == 0 && usleep(1000) == 0);
    CHECK(write(other_pipe[1], "new", 3) == 3);
    CHECK(pthread_join(thread, NULL) == 0 && close(swapped[0]) == 0);
    CHECK_ERROR(write(swapped[1], "x", 1), EPIPE);
    CHECK(close(swapped[1]) == 0 && pipe(swapped) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(pthread_create(&thread, NULL, sleeping_reader, NULL) == 0);
        usleep(3000);
        CHECK(write(other_pipe[1], "r", 1) == 1);
        for (;;) pause();
    }
    CHECK(read(other_pipe[0], &byte, 1) == 1 && close(swapped[0]) == 0);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    CHECK_ERROR(write(swapped[1], "x", 1), EPIPE);
    CHECK(close(swapped[1]) == 0 && close(other_pipe[0]) == 0 && close(other_pipe[1]) == 0);
}

static void names(void) {
    int p[2];
    char path[40], text[40] = {0};
    struct stat status;
    CHECK(pipe(p) == 0 && fstat(p[0], &status) == 0 && S_ISFIFO(status.st_mode));
    snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
    CHECK(readlink(path, text, sizeof text - 1) > 0 && strncmp(text, "pipe:[", 6) == 0);
    int again = open(path, O_RDONLY | O_NONBLOCK);
    CHECK(again >= 0 && write(p[1], "abc", 3) == 3 && read(again, text, 1) == 1 && read(p[0], text + 1, 9) == 2);
    CHECK(memcmp(text, "abc", 3) == 0);
    CHECK_ERROR(lseek(p[0], 0, SEEK_SET), ESPIPE);
    struct pollfd ends[2] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}};
    CHECK(poll(ends, 2, 0) == 1 && ends[0].revents == 0 && ends[1].revents == POLLOUT);
    pid_t pid = fork();
    if (pid == 0) {
        usleep(2000);
        CHECK(write(p[1], "x", 1) == 1);
        _exit(0);
    }
    CHECK(poll(ends, 1, -1) == 1 && ends[0].revents == POLLIN && read(p[0], text, 9) == 1 && await(pid) == 0);
    CHECK(close(p[1]) == 0 && poll(ends, 1, -1) == 1 && ends[0].revents == POLLHUP);
    CHECK(close(p[0]) == 0 && close(again) == 0);
}

/* Full, then a part of a page is read: it takes more, perhaps into that very page, and nothing is lost. */
static void full_again(int from, int to) {
    static char all[1 << 20];
    ssize_t n, size = 0, at = 100;
    for (size_t k = 0; k < sizeof all; k++) all[k] = (char)(k % 251);
    while ((n = write(to, all + size, 4096)) == 4096) size += n;
    CHECK(n == -1 && errno == EAGAIN && size >= 65536 && read(from, all, 100) == 100);
    ssize_t more = write(to, "it stays", 8); /* Linux may have no room before the whole page is read */
    CHECK(more == 8 || (more == -1 && errno == EAGAIN));
    memset(all, 0, sizeof all);
    for (; at < size; at += n) CHECK((n = read(from, all + at, size - at < 1000 ? size - at : 1000)) > 0);
    for (ssize_t k = 100; k < size; k++) CHECK(all[k] == (char)(k % 251));
    CHECK(read(from, all, 100) == more && (more < 0 || memcmp(all, "it stays", 8) == 0));
    CHECK(close(from) == 0 && close(to) == 0);
}

int main(void) {
    int ends[2];
    alarm(120); /* a call that nobody wakes is a failure, not a hang */
    descriptors();
    data();
    no_waiting();
    CHECK(pipe2(ends, O_NONBLOCK) == 0);
    full_again(ends[0], ends[1]);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    full_again(ends[0], ends[1]);
    records();
    interrupted();
    last_close();
    file_of_a_waiting_call();
    ends_of_calls_that_ended();
    names();
    return ok("pipes");
}
