/* POSIX message queues: priorities, limits, time-outs, notification, permissions, and each error. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

struct attributes {
    long flags, most, size, current, reserved[4];
};

/* The C libraries' wrappers differ in what they check, so the calls are made by hand; names have no slash then. */
static long mq_open_(const char *name, int flags, int mode, struct attributes *attributes) {
    return syscall(SYS_mq_open, name, flags, mode, attributes);
}

static long sends(int fd, const char *data, size_t count, unsigned priority, struct timespec *until) {
    return syscall(SYS_mq_timedsend, fd, data, count, priority, until);
}

static long receives(int fd, char *data, size_t count, unsigned *priority, struct timespec *until) {
    return syscall(SYS_mq_timedreceive, fd, data, count, priority, until);
}

static long attributes_of(int fd, struct attributes *new, struct attributes *old) {
    return syscall(SYS_mq_getsetattr, fd, new, old);
}

static long notify(int fd, struct sigevent *event) { return syscall(SYS_mq_notify, fd, event); }

static char name[64], buffer[64];

static void pause_ms(long milliseconds) { nanosleep(&(struct timespec){0, milliseconds * 1000000}, NULL); }

static struct timespec in_ms(long milliseconds) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ns = now.tv_nsec + milliseconds * 1000000LL;
    return (struct timespec){now.tv_sec + ns / 1000000000, ns % 1000000000};
}

static int status_of(pid_t child) {
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

static void until_asleep(pid_t child) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/stat", child);
    for (int seen = 0; seen < 3; pause_ms(2)) { /* three times in a row: it no longer sleeps for fork's sake */
        FILE *file = fopen(path, "r");
        CHECK(file != NULL && fgets(line, sizeof line, file) != NULL);
        fclose(file);
        seen = strchr(line, ')')[2] == 'S' ? seen + 1 : 0;
    }
}

static void check_names(void) {
    struct attributes attributes = {0, 4, 16, 0, {0}}, old;
    CHECK_ERROR(mq_open_(name, O_RDWR, 0, NULL), ENOENT);
    CHECK_ERROR(mq_open_("a/b", O_CREAT | O_RDWR, 0600, NULL), EACCES);
    CHECK_ERROR(mq_open_((void *)8, O_RDWR, 0, NULL), EFAULT);
    CHECK_ERROR(mq_open_(name, O_CREAT | O_RDWR, 0600, (void *)8), EFAULT);
    attributes.most = 0;
    CHECK_ERROR(mq_open_(name, O_CREAT | O_RDWR, 0600, &attributes), EINVAL);
    attributes.most = 4, attributes.size = -1;
    CHECK_ERROR(mq_open_(name, O_CREAT | O_RDWR, 0600, &attributes), EINVAL);
    attributes.size = 16;
    int fd = (int)mq_open_(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
    CHECK(fd >= 0);
    CHECK_ERROR(write(fd, "x", 1), EINVAL); /* mq_timedsend alone writes to it */
    CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0);
    CHECK_ERROR(pwrite(fd, "x", 1, 0), EINVAL);
    CHECK(fcntl(fd, F_SETFL, 0) == 0 && lseek(fd, 0, SEEK_END) == 80 && lseek(fd, 0, SEEK_SET) == 0);
    CHECK_ERROR(fsync(fd), EINVAL);
    CHECK_ERROR(mq_open_(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attributes), EEXIST);
    CHECK(attributes_of(fd, NULL, &old) == 0 && old.most == 4 && old.size == 16 && old.current == 0 && old.flags == 0);
    int other = (int)mq_open_(name, O_RDONLY | O_NONBLOCK, 0, NULL);
    CHECK(other >= 0 && attributes_of(other, NULL, &old) == 0 && old.flags == O_NONBLOCK);
    CHECK_ERROR(sends(other, "x", 1, 0, NULL), EBADF);
    CHECK(sends(fd, "seen", 4, 0, NULL) == 0 && receives(other, buffer, 16, NULL, NULL) == 4);
    CHECK_ERROR(receives(other, buffer, 16, NULL, NULL), EAGAIN);
    CHECK(syscall(SYS_mq_unlink, name) == 0);
    CHECK_ERROR(syscall(SYS_mq_unlink, name), ENOENT);
    CHECK(sends(fd, "still", 5, 0, NULL) == 0 && receives(other, buffer, 16, NULL, NULL) == 5); /* it lives on */
    CHECK(close(fd) == 0 && close(other) == 0);
    CHECK_ERROR(receives(fd, buffer, 16, NULL, NULL), EBADF);
    CHECK_ERROR(receives(0, buffer, 16, NULL, NULL), EBADF);
}

static void check_limit(void) {
    struct attributes attributes = {0, 4, 16, 0, {0}};
    struct rlimit whole, most = {2 * 4 * (16 + 48), RLIM_INFINITY};
    int fds[3];
    char names[3][80];
    CHECK(getrlimit(RLIMIT_MSGQUEUE, &whole) == 0 && (most.rlim_max = whole.rlim_max, 1));
    CHECK(setrlimit(RLIMIT_MSGQUEUE, &most) == 0);
    for (int k = 0; k < 3; k++) {
        snprintf(names[k], sizeof names[k], "%s-%d", name, k);
        fds[k] = (int)mq_open_(names[k], O_CREAT | O_RDWR, 0600, &attributes);
    }
    CHECK(fds[0] >= 0 && fds[1] >= 0 && fds[2] == -1 && errno == EMFILE);
    CHECK(close(fds[0]) == 0 && syscall(SYS_mq_unlink, names[0]) == 0);
    fds[2] = (int)mq_open_(names[2], O_CREAT | O_RDWR, 0600, &attributes);
    CHECK(fds[2] >= 0 && close(fds[1]) == 0 && close(fds[2]) == 0);
    CHECK(syscall(SYS_mq_unlink, names[1]) == 0 && syscall(SYS_mq_unlink, names[2]) == 0);
    CHECK(setrlimit(RLIMIT_MSGQUEUE, &whole) == 0);
}

static int fresh(int flags) {
    struct attributes attributes = {0, 4, 16, 0, {0}};
    int fd = (int)mq_open_(name, O_CREAT | O_EXCL | O_RDWR | flags, 0600, &attributes);
    CHECK(fd >= 0 && syscall(SYS_mq_unlink, name) == 0);
    return fd;
}

static void check_messages(void) {
    int fd = fresh(0);
    unsigned priority;
    struct timespec bad = {0, 1000000000}, past = {1, 0}, soon;
    struct attributes attributes = {O_NONBLOCK, 0, 0, 0, {0}}, old;
    CHECK(sends(fd, "low", 3, 1, NULL) == 0 && sends(fd, "high", 4, 32767, NULL) == 0);
    CHECK(sends(fd, "", 0, 5, &bad) == -1 && errno == EINVAL);
    CHECK(sends(fd, "", 0, 5, NULL) == 0 && sends(fd, "more", 4, 1, NULL) == 0);
    CHECK_ERROR(sends(fd, "x", 1, 32768, NULL), EINVAL);
    CHECK_ERROR(sends(fd, buffer, 17, 0, NULL), EMSGSIZE);
    CHECK_ERROR(sends(fd, "x", 1, 0, &past), ETIMEDOUT); /* full */
    soon = in_ms(10);
    CHECK_ERROR(sends(fd, "x", 1, 0, &soon), ETIMEDOUT);
    CHECK_ERROR(receives(fd, buffer, 15, NULL, NULL), EMSGSIZE);
    struct pollfd poll_ = {fd, POLLIN | POLLOUT, 0};
    CHECK(poll(&poll_, 1, 0) == 1 && poll_.revents == POLLIN);
    CHECK(receives(fd, buffer, 16, &priority, NULL) == 4 && priority == 32767 && !memcmp(buffer, "high", 4));
    CHECK(receives(fd, buffer, 16, &priority, NULL) == 0 && priority == 5);
    CHECK(receives(fd, buffer, 16, &priority, NULL) == 3 && priority == 1 && !memcmp(buffer, "low", 3));
    CHECK(attributes_of(fd, &attributes, &old) == 0 && old.flags == 0 && old.current == 1);
    CHECK(receives(fd, buffer, 64, &priority, NULL) == 4 && priority == 1);
    CHECK_ERROR(receives(fd, buffer, 16, NULL, NULL), EAGAIN);
    attributes.flags = O_APPEND;
    CHECK_ERROR(attributes_of(fd, &attributes, NULL), EINVAL);
    attributes.flags = 0;
    CHECK(attributes_of(fd, &attributes, NULL) == 0);
    soon = in_ms(10);
    CHECK_ERROR(receives(fd, buffer, 16, NULL, &soon), ETIMEDOUT);
    CHECK(poll(&poll_, 1, 0) == 1 && poll_.revents == POLLOUT);
    CHECK(close(fd) == 0);
}

static void on_signal(int number) { (void)number; }

static void check_waits(void) {
    int fd = fresh(0);
    pid_t child = fork();
    if (child == 0) {
        for (int k = 0; k < 50; k++)
            if (receives(fd, buffer, 16, NULL, NULL) != 2)
                _exit(1);
        _exit(0);
    }
    for (int k = 0; k < 50; k++)
        CHECK(sends(fd, "xy", 2, 3, NULL) == 0);
    CHECK(status_of(child) == 0);
    struct sigaction action = {.sa_handler = on_signal};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    child = fork();
    if (child == 0)
        _exit(receives(fd, buffer, 16, NULL, NULL) != -1 || errno != EINTR);
    until_asleep(child);
    CHECK(kill(child, SIGUSR1) == 0 && status_of(child) == 0);
    CHECK(close(fd) == 0);
}

static void check_notification(void) {
    int fd = fresh(O_NONBLOCK);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2, .sigev_value.sival_int = 4711};
    siginfo_t info;
    sigset_t set;
    struct timespec none = {0, 0}, while_ = {5, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK(notify(fd, &event) == 0);
    CHECK_ERROR(notify(fd, &event), EBUSY);
    CHECK(sends(fd, "a", 1, 0, NULL) == 0);
    CHECK(sigtimedwait(&set, &info, &while_) == SIGUSR2);
    CHECK(info.si_code == SI_MESGQ && info.si_value.sival_int == 4711 && info.si_pid == getpid());
    CHECK(notify(fd, &event) == 0); /* not told of one that comes while there are some */
    CHECK(sends(fd, "b", 1, 0, NULL) == 0);
    CHECK_ERROR(sigtimedwait(&set, &info, &none), EAGAIN);
    CHECK(notify(fd, NULL) == 0 && notify(fd, NULL) == 0);
    CHECK(receives(fd, buffer, 16, NULL, NULL) == 1 && receives(fd, buffer, 16, NULL, NULL) == 1);
    CHECK(sends(fd, "c", 1, 0, NULL) == 0 && receives(fd, buffer, 16, NULL, NULL) == 1);
    CHECK_ERROR(sigtimedwait(&set, &info, &none), EAGAIN);
    event.sigev_notify = SIGEV_NONE;
    CHECK(notify(fd, &event) == 0 && sends(fd, "d", 1, 0, NULL) == 0);
    CHECK(notify(fd, &event) == 0); /* it was used up */
    event.sigev_notify = 77;
    CHECK_ERROR(notify(fd, &event), EINVAL);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = 65;
    CHECK_ERROR(notify(fd, &event), EINVAL);
    CHECK_ERROR(notify(-1, NULL), EBADF);
    CHECK(notify(fd, NULL) == 0);
    pid_t child = fork(); /* who has ended is told no more */
    event.sigev_signo = SIGUSR2;
    if (child == 0)
        _exit(notify(fd, &event) != 0);
    CHECK(status_of(child) == 0 && notify(fd, &event) == 0);
    CHECK(close(fd) == 0);
}

int main(void) {
    snprintf(name, sizeof name, "check-%d", getpid());
    check_names();
    check_limit();
    check_messages();
    check_waits();
    check_notification();
    return ok("mqueue");
}
