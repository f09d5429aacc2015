/* Files that several processes map: one set of pages, private ones until they are stored to, what a fork shares and
 * what not, msync, mincore, mprotect, mremap, and files that grow and shrink under their mappings.  In the directory
 * that the argument names, /tmp without one.
 * True of Linux 6. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { PAGE = 4096, PAGES = 8 };

static int file_of(const char *name, int pages) {
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    for (int k = 0; k < pages; k++) {
        char page[PAGE];
        memset(page, 'a' + k, PAGE);
        CHECK(write(fd, page, PAGE) == PAGE);
    }
    return fd;
}

static char *map(int fd, size_t size, int protection, int flags) {
    char *at = mmap(NULL, size, protection, flags, fd, 0);
    CHECK(at != MAP_FAILED);
    return at;
}

static char at_offset(int fd, off_t offset) {
    char byte;
    CHECK(pread(fd, &byte, 1, offset) == 1);
    return byte;
}

/* Run in a child; its exit status says whether all held. */
static void in_child(void (*what)(char *, char *, int), char *shared, char *private, int fd) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        what(shared, private, fd);
        _Exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void stores(char *shared, char *private, int fd) {
    CHECK(shared[0] == 'S' && private[0] == 'P' && private[PAGE] == 'b');
    shared[1] = '1';
    private[0] = 'c';
    private[PAGE] = 'd';
    CHECK(private[0] == 'c' && private[PAGE] == 'd' && at_offset(fd, 1) == '1');
    CHECK(at_offset(fd, PAGE) == 'b');
}

static void check_shared_and_private(void) {
    int fd = file_of("one", PAGES);
    char *shared = map(fd, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
    char *twice = map(fd, PAGES * PAGE, PROT_READ, MAP_SHARED);
    char *private = map(fd, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    shared[0] = 'S';
    CHECK(twice[0] == 'S' && private[0] == 'S' && at_offset(fd, 0) == 'S');
    private[0] = 'P';
    CHECK(shared[0] == 'S' && private[0] == 'P' && at_offset(fd, 0) == 'S');
    in_child(stores, shared, private, fd);
    CHECK(shared[1] == '1' && twice[1] == '1' && private[0] == 'P' && private[1] == 'a' && private[PAGE] == 'b');
    CHECK(pwrite(fd, "w", 1, 2 * PAGE) == 1);
    CHECK(shared[2 * PAGE] == 'w' && private[2 * PAGE] == 'w');
    CHECK(munmap(shared, PAGES * PAGE) == 0 && twice[1] == '1');
    CHECK(unlink("one") == 0 && close(fd) == 0 && twice[PAGE] == 'b' && private[3 * PAGE] == 'd');
    CHECK(munmap(twice, PAGES * PAGE) == 0 && munmap(private, PAGES * PAGE) == 0);
}

static void check_rights(void) {
    int fd = file_of("rights", 1);
    int reader = open("rights", O_RDONLY);
    CHECK_ERROR(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, reader, 0), EACCES);
    char *at = map(reader, PAGE, PROT_READ, MAP_SHARED);
    CHECK_ERROR(mprotect(at, PAGE, PROT_READ | PROT_WRITE), EACCES);
    CHECK(at[0] == 'a');
    char *private = map(reader, PAGE, PROT_READ, MAP_PRIVATE);
    CHECK(mprotect(private, PAGE, PROT_READ | PROT_WRITE) == 0);
    private[0] = 'x';
    CHECK(at[0] == 'a' && at_offset(fd, 0) == 'a');
    CHECK_ERROR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100), EINVAL);
    CHECK(close(fd) == 0 && close(reader) == 0 && munmap(at, PAGE) == 0 && munmap(private, PAGE) == 0);
}

static void raise_shared(char *shared, char *private, int fd) {
    (void)private, (void)fd;
    shared[5 * PAGE]++;
    shared[6 * PAGE] = 6;
}

static void check_untouched_memory_is_shared_too(void) {
    char *shared = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *private = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED && private != MAP_FAILED);
    for (int k = 0; k < 3; k++)
        in_child(raise_shared, shared, private, -1);
    CHECK(shared[5 * PAGE] == 3 && shared[6 * PAGE] == 6 && shared[0] == 0);
    CHECK(munmap(shared + 5 * PAGE, PAGE) == 0);
    CHECK(shared[4 * PAGE] == 0 && shared[6 * PAGE] == 6);
    CHECK(madvise(shared, 4 * PAGE, MADV_DONTNEED) == 0);
    CHECK(madvise(shared + 6 * PAGE, PAGE, MADV_DONTNEED) == 0 && shared[6 * PAGE] == 6);
}

static void discards(char *shared, char *private, int fd) {
    (void)shared, (void)fd;
    CHECK(private[0] == 1 && private[PAGE] == 2);
    CHECK(madvise(private, PAGE, MADV_DONTNEED) == 0);
    CHECK(private[0] == 0 && private[PAGE] == 2);
    private[0] = 9;
    CHECK(munmap(private + PAGE, PAGE) == 0 && private[0] == 9);
}

static void check_discarding_after_a_fork(void) {
    char *private = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    private[0] = 1;
    private[PAGE] = 2;
    in_child(discards, NULL, private, -1);
    CHECK(private[0] == 1 && private[PAGE] == 2);
    CHECK(madvise(private, 2 * PAGE, MADV_DONTNEED) == 0 && private[0] == 0 && private[PAGE] == 0);
    int fd = file_of("discard", 2);
    char *copy = map(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    copy[0] = 'z';
    copy[PAGE] = 'y';
    CHECK(madvise(copy, PAGE, MADV_DONTNEED) == 0);
    CHECK(copy[0] == 'a' && copy[PAGE] == 'y');
    CHECK(munmap(copy, 2 * PAGE) == 0 && munmap(private, 4 * PAGE) == 0 && close(fd) == 0);
}

static void check_moving(void) {
    int fd = file_of("moving", PAGES);
    char *shared = map(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
    char *grown = mremap(shared, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
    CHECK(grown != MAP_FAILED && grown[0] == 'a' && grown[3 * PAGE] == 'd');
    grown[3 * PAGE] = 'D';
    CHECK(at_offset(fd, 3 * PAGE) == 'D');
    char *private = map(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    private[PAGE] = 'x';
    char *moved = mremap(private, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved[0] == 'a' && moved[PAGE] == 'x' && moved[2 * PAGE] == 'c');
    CHECK(munmap(moved, 3 * PAGE) == 0 && munmap(grown, 4 * PAGE) == 0 && close(fd) == 0);
}

static void check_sync_and_residence(void) {
    int fd = file_of("sync", 2);
    char *at = map(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
    unsigned char there[3] = {2, 2, 2};
    at[0] = at[PAGE] = 's';
    CHECK(msync(at, 2 * PAGE, MS_SYNC) == 0 && msync(at, PAGE, MS_ASYNC | MS_INVALIDATE) == 0);
    CHECK(mincore(at, 2 * PAGE, there) == 0 && (there[0] & 1) == 1 && (there[1] & 1) == 1 && there[2] == 2);
    CHECK_ERROR(msync(at + 1, PAGE, MS_SYNC), EINVAL);
    CHECK_ERROR(msync(at, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK_ERROR(mincore(at + 1, PAGE, there), EINVAL);
    CHECK(munmap(at + PAGE, PAGE) == 0);
    CHECK_ERROR(msync(at, 2 * PAGE, MS_SYNC), ENOMEM);
    CHECK_ERROR(mincore(at, 2 * PAGE, there), ENOMEM);
    char *lazy = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mincore(lazy, PAGE, there) == 0 && (there[0] & 1) == 0);
    lazy[0] = 1;
    CHECK(mincore(lazy, PAGE, there) == 0 && (there[0] & 1) == 1);
    CHECK(munmap(at, PAGE) == 0 && munmap(lazy, PAGE) == 0 && close(fd) == 0);
}

static void check_growth(void) {
    int fd = file_of("growth", 1);
    char *at = map(fd, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
    char *private = map(fd, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    CHECK(ftruncate(fd, 3 * PAGE) == 0);
    at[2 * PAGE] = 'g';
    CHECK(private[2 * PAGE] == 'g' && at_offset(fd, 2 * PAGE) == 'g' && private[PAGE] == 0);
    CHECK(pwrite(fd, "h", 1, 3 * PAGE) == 1 && at[3 * PAGE] == 'h');
    int out[2];
    CHECK(pipe(out) == 0 && ftruncate(fd, 0) == 0 && ftruncate(fd, 4 * PAGE) == 0);
    CHECK(write(out[1], at + PAGE, 4) == 4 && at[0] == 0);
    int counter = eventfd(7, EFD_NONBLOCK); /* its number waits for the page */
    CHECK(read(counter, at + 2 * PAGE, 8) == 8 && at[2 * PAGE] == 7 && close(counter) == 0);
    CHECK(munmap(at, 4 * PAGE) == 0 && munmap(private, 4 * PAGE) == 0 && close(fd) == 0);
    close(out[0]);
    close(out[1]);
}

/* Locked memory, in KiB, as /proc says. */
static long locked(void) {
    char line[200];
    long found = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmLck: %ld", &found) == 1)
            break;
    fclose(status);
    return found;
}

static void check_locking(void) {
    char *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char there[4];
    long before = locked();
    CHECK(before >= 0 && mlock(at + 1, PAGE) == 0);
    CHECK(mincore(at, 4 * PAGE, there) == 0 && there[0] & 1 && there[1] & 1 && !(there[3] & 1));
    CHECK(locked() == before + 8);
    CHECK(munlock(at, PAGE) == 0 && munlock(at + PAGE, PAGE) == 0 && locked() == before);
    CHECK(mlock(at, 4 * PAGE) == 0 && munmap(at + 2 * PAGE, PAGE) == 0);
    CHECK(locked() == before + 12);
    CHECK_ERROR(mlock(at, 4 * PAGE), ENOMEM);
    CHECK_ERROR(mlockall(0), EINVAL);
    CHECK(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
    CHECK(munlockall() == 0 && locked() == 0);
    CHECK(munmap(at, 4 * PAGE) == 0);
}

/* Stored and never synced: whoever reads the file afterwards finds it. */
static void leave_a_file(void) {
    int fd = file_of("left", 2);
    char *at = map(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
    strcpy(at + PAGE, "left behind");
    CHECK(ftruncate(fd, PAGE + 11) == 0 && close(fd) == 0);
}

/* A thousand mappings apart, unmapped from all sides. */
static void check_many_areas(void) {
    enum { MANY = 1000 };
    char *all = mmap(NULL, 2 * MANY * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(all != MAP_FAILED);
    for (int k = 0; k < MANY; k++) {
        char *at = all + ((k % 2 ? k : 2 * MANY - 2 - k) * PAGE);
        CHECK(mprotect(at, PAGE, PROT_READ | PROT_WRITE) == 0);
        at[0] = k % 100;
    }
    for (int k = 0; k < MANY; k++)
        CHECK(all[(k % 2 ? k : 2 * MANY - 2 - k) * PAGE] == k % 100);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (int k = 0; k < MANY; k += 3)
            all[(k % 2 ? k : 2 * MANY - 2 - k) * PAGE]++;
        _Exit(munmap(all + PAGE, (2 * MANY - 2) * PAGE));
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    for (int k = 0; k < MANY; k++)
        CHECK(all[(k % 2 ? k : 2 * MANY - 2 - k) * PAGE] == k % 100);
    CHECK(munmap(all, 2 * MANY * PAGE) == 0);
}

int main(int argc, char **argv) {
    CHECK(chdir(argc > 1 ? argv[1] : "/tmp") == 0);
    check_shared_and_private();
    check_rights();
    check_untouched_memory_is_shared_too();
    check_discarding_after_a_fork();
    check_moving();
    check_sync_and_residence();
    check_growth();
    check_many_areas();
    check_locking();
    leave_a_file();
    return ok("mappedfiles");
}
