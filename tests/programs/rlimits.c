/* Limits that hold: address space and data, processes, descriptors, file size with SIGXFSZ, processor time with SIGXCPU
 * and SIGKILL. They are inherited by fork, kept by execve, read and set for another process, and raised by root only. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { MIB = 1 << 20, PAGE = 4096 };
static atomic_int file_signals, cpu_signals;

static void on_signal(int number) { atomic_fetch_add(number == SIGXFSZ ? &file_signals : &cpu_signals, 1); }

static int limit(int resource, rlim_t soft, rlim_t hard) {
    return setrlimit(resource, &(struct rlimit){soft, hard});
}

static int in_child(void (*check)(void)) {
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        check();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

static void *map(size_t size, int prot, int flags) { return mmap(NULL, size, prot, flags | MAP_ANONYMOUS, -1, 0); }

static void space(void) {
    CHECK(limit(RLIMIT_AS, 64 * MIB, RLIM_INFINITY) == 0);
    char *some = map(16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    CHECK(some != MAP_FAILED);
    some[0] = some[16 * MIB - 1] = 1;
    CHECK(map(64 * MIB, PROT_NONE, MAP_PRIVATE) == MAP_FAILED && errno == ENOMEM);
    CHECK(map(64 * MIB, PROT_READ, MAP_SHARED) == MAP_FAILED && errno == ENOMEM);
    CHECK(mremap(some, 16 * MIB, 64 * MIB, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
    CHECK(mmap(some, 16 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == some); /* in its place */
    long now = syscall(SYS_brk, 0);
    CHECK(syscall(SYS_brk, now + 64L * MIB) == now && syscall(SYS_brk, now + PAGE) == now + PAGE);
    int fd = open("/tmp/mapped", O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && ftruncate(fd, 64 * MIB) == 0);
    CHECK(mmap(NULL, 64 * MIB, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == ENOMEM);
    CHECK(munmap(some, 16 * MIB) == 0 && map(24 * MIB, PROT_READ, MAP_PRIVATE) != MAP_FAILED);
    CHECK(limit(RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY) == 0 && map(64 * MIB, PROT_READ, MAP_PRIVATE) != MAP_FAILED);
    CHECK(close(fd) == 0 && unlink("/tmp/mapped") == 0);
}

static void data(void) {
    CHECK(limit(RLIMIT_DATA, 32 * MIB, RLIM_INFINITY) == 0);
    CHECK(map(32 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE) == MAP_FAILED && errno == ENOMEM);
    CHECK(map(32 * MIB, PROT_READ, MAP_PRIVATE) != MAP_FAILED); /* not writable: no data */
    CHECK(map(32 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED) != MAP_FAILED);
    long now = syscall(SYS_brk, 0);
    CHECK(syscall(SYS_brk, now + 32L * MIB) == now);
    void *before = malloc(1000);
    CHECK(before != NULL);
}

static void processes(void) {
    CHECK(limit(RLIMIT_NPROC, 2, 2) == 0);
    int status;
    pid_t first = fork(); /* root has no such limit */
    if (first == 0)
        _exit(0);
    CHECK(first > 0 && waitpid(first, &status, 0) == first);
    CHECK(setuid(1234) == 0);
    int ends[2];
    CHECK(pipe(ends) == 0);
    first = fork();
    CHECK(first >= 0);
    if (first == 0) {
        char byte;
        CHECK(close(ends[1]) == 0 && read(ends[0], &byte, 1) == 0);
        _exit(0);
    }
    CHECK_ERROR(fork(), EAGAIN);
    CHECK(close(ends[1]) == 0 && waitpid(first, &status, 0) == first && status == 0);
    first = fork();
    CHECK(first >= 0);
    if (first == 0)
        _exit(0);
    CHECK(waitpid(first, &status, 0) == first);
}

static void descriptors(void) {
    CHECK(limit(RLIMIT_NOFILE, 6, 8) == 0);
    int fd, last = 0;
    while ((fd = dup(0)) >= 0)
        last = fd;
    CHECK(errno == EMFILE && last == 5);
    CHECK_ERROR(dup2(0, 6), EBADF);
    CHECK(limit(RLIMIT_NOFILE, 8, 8) == 0 && dup(0) == 6);
}

static void file_size(void) {
    signal(SIGXFSZ, on_signal);
    static char page[PAGE];
    int fd = open("/tmp/limited", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && limit(RLIMIT_FSIZE, 3 * PAGE / 2, RLIM_INFINITY) == 0);
    CHECK(write(fd, page, PAGE) == PAGE && write(fd, page, PAGE) == PAGE / 2 && file_signals == 0); /* what fits */
    CHECK_ERROR(write(fd, page, 1), EFBIG);
    CHECK(file_signals == 1);
    CHECK_ERROR(pwrite(fd, page, 1, 10 * PAGE), EFBIG);
    CHECK_ERROR(ftruncate(fd, 2 * PAGE), EFBIG);
    CHECK_ERROR(truncate("/tmp/limited", 2 * PAGE), EFBIG);
    CHECK_ERROR(posix_fallocate(fd, 0, 2 * PAGE) ? (errno = EFBIG, -1) : 0, EFBIG);
    CHECK(file_signals == 5);
    CHECK(pwrite(fd, page, PAGE, 0) == PAGE && ftruncate(fd, 10) == 0 && file_signals == 5);
    int ends[2];
    CHECK(pipe(ends) == 0); /* no file */
    for (int i = 0; i < 4; i++)
        CHECK(write(ends[1], page, PAGE) == PAGE);
    CHECK(limit(RLIMIT_FSIZE, 100, RLIM_INFINITY) == 0);
    CHECK(pwrite(fd, page, PAGE, 0) == 100);
    signal(SIGXFSZ, SIG_DFL);
    CHECK(unlink("/tmp/limited") == 0);
    pwrite(fd, page, 1, 100);
    CHECK(0); /* the signal ends it */
}

static void spin(void) {
    for (volatile long i = 0;; i++)
        ;
}

static void killed_at_the_hard_limit(void) {
    signal(SIGXCPU, on_signal);
    CHECK(limit(RLIMIT_CPU, 1, 1) == 0);
    spin();
}

static long microseconds(struct timeval time) {
    return 1000000 * time.tv_sec + time.tv_usec;
}

static void told_at_the_soft_limit(void) {
    signal(SIGXCPU, on_signal);
    CHECK(limit(RLIMIT_CPU, 0, RLIM_INFINITY) == 0); /* means a second */
    while (atomic_load(&cpu_signals) == 0)
        ;
    struct rusage used;
    CHECK(getrusage(RUSAGE_SELF, &used) == 0);
    CHECK(microseconds(used.ru_utime) + microseconds(used.ru_stime) >= 999999); /* both are rounded down */
    CHECK(limit(RLIMIT_CPU, 1, RLIM_INFINITY) == 0); /* it is beyond that already */
    signal(SIGXCPU, SIG_DFL);
    spin();
}

static void processor_time(void) {
    if (sysconf(_SC_NPROCESSORS_ONLN) != 2)
        return; /* it takes seconds: once is enough */
    pid_t first = fork(), second = 0;
    int status;
    if (first == 0)
        killed_at_the_hard_limit();
    second = fork();
    if (second == 0)
        told_at_the_soft_limit();
    CHECK(waitpid(first, &status, 0) == first && status == SIGKILL);
    CHECK(waitpid(second, &status, 0) == second && status == SIGXCPU);
}

static void of_others(void) {
    struct rlimit now, wanted = {5, 77};
    int ends[2], status;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char byte;
        CHECK(read(ends[0], &byte, 1) == 1);
        CHECK(getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == 5 && now.rlim_max == 77);
        CHECK_ERROR(dup2(0, 5), EBADF);
        CHECK(setuid(1000) == 0);
        CHECK_ERROR(prlimit(getppid(), RLIMIT_NOFILE, NULL, &now), EPERM);
        CHECK_ERROR(limit(RLIMIT_NOFILE, 5, 78), EPERM);
        CHECK(limit(RLIMIT_NOFILE, 4, 70) == 0);
        _exit(0);
    }
    CHECK(prlimit(child, RLIMIT_NOFILE, &wanted, &now) == 0 && now.rlim_cur >= 16);
    CHECK(write(ends[1], "x", 1) == 1);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK_ERROR(prlimit(child, RLIMIT_NOFILE, NULL, &now), ESRCH);
    CHECK_ERROR(limit(RLIMIT_NOFILE, 9, 8), EINVAL);
    CHECK_ERROR(prlimit(0, 99, NULL, &now), EINVAL);
    CHECK(limit(RLIMIT_CORE, 5, 6) == 0 && getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_cur == 5 && now.rlim_max == 6);
}

int main(int argc, char **argv) {
    if (argc > 1) { /* executed by a child with limits */
        struct rlimit now;
        CHECK(getrlimit(RLIMIT_AS, &now) == 0 && now.rlim_cur == 100 * MIB);
        CHECK(map(100 * MIB, PROT_READ, MAP_PRIVATE) == MAP_FAILED && errno == ENOMEM);
        CHECK_ERROR(dup2(0, 20), EBADF);
        return 0;
    }
    CHECK(in_child(space) == 0);
    CHECK(in_child(data) == 0);
    CHECK(in_child(processes) == 0);
    CHECK(in_child(descriptors) == 0);
    CHECK(in_child(file_size) == SIGXFSZ);
    processor_time();
    of_others();
    int status;
    pid_t child = fork();
    if (child == 0) {
        CHECK(limit(RLIMIT_AS, 100 * MIB, 100 * MIB) == 0 && limit(RLIMIT_NOFILE, 20, 20) == 0);
        execv("/proc/self/exe", (char *[]){argv[0], "limited", NULL});
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    return ok("rlimits");
}
