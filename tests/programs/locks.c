/* Locks on files: flock's, record locks of processes and of open files, who loses them when, and circles; memfd. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

static char path[] = "/tmp/locks.XXXXXX";
static int fd;

static int lock(int file, int command, int type, long start, long length) {
    struct flock how = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(file, command, &how) == 0 ? 0 : errno;
}

/* What F_GETLK tells about an exclusive lock of this range: F_UNLCK, or the hindering lock. */
static struct flock asked(int file, int command, int type, long start, long length) {
    struct flock how = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    CHECK(fcntl(file, command, &how) == 0);
    return how;
}

static int in_child(int (*what)(void)) {
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) _exit(what());
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int wants_all(void) { return lock(fd, F_SETLK, F_WRLCK, 0, 0); }
static int wants_middle(void) { return lock(fd, F_SETLK, F_RDLCK, 50, 10); }
static int wants_edges(void) { return lock(fd, F_SETLK, F_WRLCK, 0, 10) | lock(fd, F_SETLK, F_WRLCK, 100, 0); }

static int reports_parent(void) {
    struct flock found = asked(fd, F_GETLK, F_RDLCK, 0, 0);
    return found.l_type == F_WRLCK && found.l_whence == SEEK_SET && found.l_start == 10 && found.l_len == 40 &&
           found.l_pid == getppid() ? 0 : 1;
}

static void records(void) {
    CHECK(lock(fd, F_SETLK, F_WRLCK, 10, 90) == 0);
    CHECK(in_child(wants_all) == EAGAIN && in_child(wants_middle) == EAGAIN && in_child(wants_edges) == 0);
    CHECK(lock(fd, F_SETLK, F_RDLCK, 50, 10) == 0);  /* splits: 10-49 and 60-99 stay exclusive */
    CHECK(in_child(wants_middle) == 0 && in_child(wants_all) == EAGAIN && in_child(reports_parent) == 0);
    CHECK(asked(fd, F_GETLK, F_WRLCK, 0, 0).l_type == F_UNLCK);  /* own locks hinder nobody */
    CHECK(lock(fd, F_SETLK, F_UNLCK, 0, 0) == 0 && in_child(wants_all) == 0);

    CHECK(lseek(fd, 30, SEEK_SET) == 30);
    struct flock back = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = 0, .l_len = -10};
    CHECK(fcntl(fd, F_SETLK, &back) == 0);
    int other = open(path, O_RDWR);
    struct flock found = asked(other, F_OFD_GETLK, F_WRLCK, 0, 0);
    CHECK(found.l_type == F_WRLCK && found.l_start == 20 && found.l_len == 10 && found.l_pid == getpid());
    close(other);  /* drops all of the process's record locks on the file */
    CHECK(in_child(wants_all) == 0);

    CHECK(lock(fd, F_SETLK, F_WRLCK, -1, 1) == EINVAL && lock(fd, F_SETLK, 9, 0, 1) == EINVAL);
    CHECK(lock(fd, F_SETLK, F_WRLCK, 0x7fffffffffffffff, 2) == EOVERFLOW && lock(-1, F_SETLK, F_WRLCK, 0, 1) == EBADF);
    int reader = open(path, O_RDONLY);
    CHECK(lock(reader, F_SETLK, F_WRLCK, 0, 1) == EBADF && lock(reader, F_SETLK, F_RDLCK, 0, 1) == 0);
    close(reader);
}

static void of_open_files(void) {
    int a = open(path, O_RDWR), b = open(path, O_RDWR), same = dup(a);
    CHECK(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10) == 0);
    CHECK(lock(b, F_OFD_SETLK, F_WRLCK, 5, 10) == EAGAIN && lock(fd, F_SETLK, F_RDLCK, 0, 1) == EAGAIN);
    struct flock found = asked(b, F_OFD_GETLK, F_RDLCK, 0, 0);
    CHECK(found.l_type == F_WRLCK && found.l_start == 0 && found.l_len == 10 && found.l_pid == -1);
    close(a);
    CHECK(lock(b, F_OFD_SETLK, F_RDLCK, 0, 1) == EAGAIN);  /* `same` keeps the open file */
    close(same);
    CHECK(lock(b, F_OFD_SETLK, F_WRLCK, 0, 0) == 0);
    close(b);
}

static void whole_files(void) {
    int a = open(path, O_RDWR), b = open(path, O_RDONLY);
    CHECK(flock(a, LOCK_SH) == 0 && flock(b, LOCK_SH | LOCK_NB) == 0);
    CHECK(flock(b, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK);
    CHECK(flock(a, LOCK_EX | LOCK_NB) == 0);  /* b's was given up by the failed conversion */
    CHECK(flock(b, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK);
    CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 0) == 0);  /* record locks and flock's do not meet */
    CHECK(lock(fd, F_SETLK, F_UNLCK, 0, 0) == 0);
    pid_t pid = fork();
    if (pid == 0) _exit(flock(b, LOCK_EX) == 0 ? 7 : 1);  /* waits until the parent's last descriptor is gone */
    CHECK(flock(a, 77) == -1 && errno == EINVAL);
    usleep(1000);
    CHECK(flock(a, LOCK_UN) == 0);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
    close(a);
    close(b);
}

/* Two processes that each hold one byte and wait for the other's: one of them is told. */
static void circle(void) {
    int up[2], down[2], status;
    char word = 0;
    CHECK(pipe(up) == 0 && pipe(down) == 0);
    CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 1) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        int mine = lock(fd, F_SETLK, F_WRLCK, 1, 1);
        if (write(up[1], "x", 1) != 1 || read(down[0], &word, 1) != 1) _exit(99);
        int got = lock(fd, F_SETLKW, F_WRLCK, 0, 1);
        _exit(mine == 0 && (got == EDEADLK || got == 0) ? got : 98);
    }
    CHECK(read(up[0], &word, 1) == 1 && write(down[1], "x", 1) == 1);
    int got = lock(fd, F_SETLKW, F_WRLCK, 1, 1);
    CHECK(got == 0 || got == EDEADLK);
    CHECK(lock(fd, F_SETLK, F_UNLCK, 0, 0) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    CHECK((got == EDEADLK) != (WEXITSTATUS(status) == EDEADLK));
    close(up[0]), close(up[1]), close(down[0]), close(down[1]);
}

static void ignore(int number) { (void)number; }

/* A wait ends with a signal, and with the death of who holds the lock. */
static void waits_end(void) {
    int up[2], status;
    char word;
    CHECK(pipe(up) == 0);
    pid_t holder = fork();
    if (holder == 0) {
        if (lock(fd, F_SETLK, F_WRLCK, 0, 0) != 0 || write(up[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    CHECK(read(up[0], &word, 1) == 1);
    pid_t waiter = fork();
    if (waiter == 0) {
        struct sigaction action = {.sa_handler = ignore};
        sigaction(SIGALRM, &action, NULL);
        if (write(up[1], "y", 1) != 1) _exit(2);
        if (lock(fd, F_SETLKW, F_RDLCK, 5, 5) != EINTR) _exit(3);
        if (write(up[1], "z", 1) != 1) _exit(4);
        _exit(lock(fd, F_SETLKW, F_RDLCK, 5, 5) == 0 ? 9 : 5);
    }
    CHECK(read(up[0], &word, 1) == 1 && word == 'y');
    fcntl(up[0], F_SETFL, O_NONBLOCK);
    do {
        kill(waiter, SIGALRM);
        usleep(1000);
    } while (read(up[0], &word, 1) != 1);
    kill(waiter, SIGALRM);
    CHECK(kill(holder, SIGKILL) == 0 && waitpid(holder, &status, 0) == holder);
    int got = waitpid(waiter, &status, 0) == waiter && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    CHECK(got == 9 || got == 5);  /* 5: the last SIGALRM came while it waited */
    close(up[0]), close(up[1]);
}

/* Processes that count in one file under a lock lose no count. */
#define COUNTERS 4
#define ROUNDS 50
static void counting(void) {
    int file = open("/tmp/locks.count", O_RDWR | O_CREAT | O_TRUNC, 0600), value = 0;
    CHECK(write(file, &value, sizeof value) == sizeof value);
    for (int k = 0; k < COUNTERS; k++) {
        if (fork() == 0) {
            int own = open("/tmp/locks.count", O_RDWR);
            for (int n = 0; n < ROUNDS; n++) {
                if (k % 2 ? lock(own, F_OFD_SETLKW, F_WRLCK, 0, 4) : lock(own, F_SETLKW, F_WRLCK, 0, 0)) _exit(1);
                if (pread(own, &value, sizeof value, 0) != sizeof value) _exit(2);
                value++;
                if (pwrite(own, &value, sizeof value, 0) != sizeof value) _exit(3);
                if (k % 2 ? lock(own, F_OFD_SETLK, F_UNLCK, 0, 4) : lock(own, F_SETLK, F_UNLCK, 0, 0)) _exit(4);
            }
            _exit(0);
        }
    }
    for (int k = 0, status; k < COUNTERS; k++) CHECK(wait(&status) > 0 && status == 0);
    CHECK(pread(file, &value, sizeof value, 0) == sizeof value && value == COUNTERS * ROUNDS);
    close(file);
    CHECK(unlink("/tmp/locks.count") == 0);
}

static void in_memory(void) {
    char name[64] = {0}, link[64] = {0};
    int file = memfd_create("scratch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(file >= 0 && fcntl(file, F_GETFD) == FD_CLOEXEC && fcntl(file, F_GET_SEALS) == 0);
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    CHECK(readlink(name, link, sizeof link - 1) > 0 && strcmp(link, "/memfd:scratch (deleted)") == 0);
    CHECK(ftruncate(file, 8192) == 0 && pwrite(file, "hello", 5, 4000) == 5);
    char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(shared != MAP_FAILED && memcmp(shared + 4000, "hello", 5) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        shared[5000] = 'c';
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    char byte = 0;
    CHECK(pread(file, &byte, 1, 5000) == 1 && byte == 'c');
    CHECK(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EBUSY);
    CHECK(munmap(shared, 8192) == 0);
    CHECK(fcntl(file, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) == 0);
    CHECK(ftruncate(file, 4096) == -1 && errno == EPERM && ftruncate(file, 9000) == -1 && errno == EPERM);
    CHECK(pwrite(file, "x", 1, 8192) == -1 && errno == EPERM && pwrite(file, "x", 1, 8191) == 1);
    CHECK(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) == 0);
    CHECK(pwrite(file, "x", 1, 0) == -1 && errno == EPERM);
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED && errno == EPERM);
    CHECK(fcntl(file, F_ADD_SEALS, F_SEAL_GROW) == -1 && errno == EPERM);
    CHECK(fcntl(file, F_GET_SEALS) == (F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_SEAL));
    struct stat found;
    CHECK(fstat(file, &found) == 0 && found.st_nlink == 0 && found.st_size == 8192);
    close(file);
    CHECK(memfd_create("x", 0x4000) == -1 && errno == EINVAL);
    file = memfd_create("plain", 0);
    CHECK(file >= 0 && fcntl(file, F_GET_SEALS) == F_SEAL_SEAL);
    CHECK(fcntl(file, F_ADD_SEALS, F_SEAL_GROW) == -1 && errno == EPERM);
    close(file);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    fd = mkstemp(path);
    CHECK(fd >= 0);
    records();
    of_open_files();
    whole_files();
    circle();
    waits_end();
    counting();
    in_memory();
    CHECK(unlink(path) == 0);
    return ok("locks");
}
