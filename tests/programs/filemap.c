/* Mappings of files, and what the kernel stores near a page's end: pages mapped twice, pages past the end (SIGBUS), a
 * file that grows or shrinks under its mapping, code that write() changes, stores of system calls across pages.
 * True of Linux 6. qemu-riscv64 7.2 differs and fails: it goes on executing code that write() has changed, and
 * its address space is larger. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { PAGE = 4096 };
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static sigjmp_buf back;
static volatile int fault_code;
static void *volatile fault_address;

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)context;
    fault_code = signal * 10 + info->si_code;
    fault_address = info->si_addr;
    siglongjmp(back, 1);
}

enum { BUS = SIGBUS * 10 + BUS_ADRERR, MAPERR = SIGSEGV * 10 + SEGV_MAPERR, ACCERR = SIGSEGV * 10 + SEGV_ACCERR };

static int try_read(volatile char *address) {
    if (sigsetjmp(back, 1))
        return fault_code;
    (void)*address;
    return 0;
}

static int try_write(volatile char *address) {
    if (sigsetjmp(back, 1))
        return fault_code;
    *address = 1;
    return 0;
}

static int try_call(void *address) {
    if (sigsetjmp(back, 1))
        return fault_code;
    ((void (*)(void))address)();
    return 0;
}

static int make_file(const char *name, size_t size) {
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && ftruncate(fd, size) == 0);
    return fd;
}

static char *map(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    char *address = mmap(at, size, protection, flags, fd, offset);
    CHECK(address != MAP_FAILED);
    return address;
}

static void check_mapped_twice(void) {
    int fd = make_file("/tmp/twice", 2 * PAGE);
    char *a = map(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0);
    for (int round = 0; round < 3; round++) {
        for (int k = 0; k < 6; k++) /* page 0 three times, page 1 three times */
            map(a + k * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, k % 2 * PAGE);
        volatile char *v = a;
        v[0] = 'x', v[3 * PAGE] = 'y';
        CHECK(v[2 * PAGE] == 'x' && v[4 * PAGE] == 'x' && v[PAGE] == 'y' && v[5 * PAGE] == 'y');
        if (round == 0)
            CHECK(munmap(a, 8 * PAGE) == 0);
        else if (round == 1)
            map(a, 8 * PAGE, PROT_READ | PROT_WRITE, ANONYMOUS | MAP_FIXED, -1, 0);
        char *others[64];
        for (int k = 0; k < 64; k++) {
            others[k] = map(NULL, PAGE, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0);
            CHECK(others[k][0] == 0);
            memset(others[k], 'A' + k, PAGE);
        }
        char text[2];
        CHECK(pread(fd, text, 1, 0) == 1 && pread(fd, text + 1, 1, PAGE) == 1 && text[0] == 'x' && text[1] == 'y');
        for (int k = 0; k < 64; k++) {
            CHECK(others[k][1] == 'A' + k);
            CHECK(munmap(others[k], PAGE) == 0);
        }
    }
    CHECK(close(fd) == 0 && unlink("/tmp/twice") == 0);
    /* the program ends with pages mapped several times */
}

static void check_past_end(int flags) {
    int fd = make_file("/tmp/end", 100);
    char *a = map(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
    CHECK(try_read(a + 99) == 0 && try_read(a + PAGE - 1) == 0 && a[PAGE - 1] == 0);
    CHECK(try_read(a + PAGE) == BUS && fault_address == a + PAGE);
    CHECK(try_write(a + 3 * PAGE + 7) == BUS && fault_address == a + 3 * PAGE + 7);
    CHECK(mprotect(a, 4 * PAGE, PROT_READ | PROT_EXEC) == 0);
    CHECK(try_write(a + PAGE) == ACCERR && try_call(a + PAGE) == BUS && try_read(a + 2 * PAGE) == BUS);
    CHECK_ERROR(write(fd, a + PAGE, 1), EFAULT);
    CHECK_ERROR(syscall(SYS_getcpu, a + PAGE, NULL, NULL), EFAULT);
    char *b = mremap(a + PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, a + 64 * PAGE);
    CHECK(b == a + 64 * PAGE && try_read(b) == BUS && try_read(b + PAGE) == BUS && try_read(a + PAGE) == MAPERR);
    CHECK(munmap(b, 2 * PAGE) == 0 && munmap(a, 4 * PAGE) == 0 && try_read(a + 3 * PAGE) == MAPERR);
    CHECK(close(fd) == 0);
}

static void check_growing_and_shrinking(void) {
    int fd = make_file("/tmp/grows", PAGE);
    volatile char *a = map(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    volatile char *b = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 2 * PAGE);
    CHECK(try_write(a + PAGE) == BUS && try_read(b) == BUS);
    CHECK(pwrite(fd, "new", 3, 2 * PAGE) == 3);
    CHECK(try_read(b) == 0 && b[0] == 'n' && a[2 * PAGE + 2] == 'w' && try_write(a + PAGE) == 0);
    b[0] = 'N';
    CHECK(a[2 * PAGE] == 'N');
    CHECK(ftruncate(fd, PAGE + 1) == 0);
    CHECK(try_read(a + 2 * PAGE) == BUS && try_write(b) == BUS && try_read(a + PAGE) == 0 && a[PAGE] == 1);
    CHECK(munmap((void *)a, 3 * PAGE) == 0 && munmap((void *)b, PAGE) == 0 && close(fd) == 0);
}

static void check_written_code(void) {
    uint32_t code[] = {0x00100513, 0x00008067}; /* li a0, 1; ret */
    int fd = make_file("/tmp/code", PAGE);
    CHECK(pwrite(fd, code, sizeof code, 0) == sizeof code);
    int (*function)(void) = (int (*)(void))(void *)map(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    CHECK(function() == 1);
    code[0] = 0x00200513;
    CHECK(pwrite(fd, code, 4, 0) == 4);
    __asm__ volatile("fence.i" ::: "memory");
    CHECK(function() == 2);
    CHECK(close(fd) == 0);
}

/* A row of pages whose neighbours in the machine's memory belong to others: stores of the kernel at the end of each. */
static void check_stores_at_page_ends(void) {
    enum { COUNT = 64 };
    char *page[COUNT];
    for (int k = 0; k < COUNT; k++) {
        page[k] = map(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0);
        CHECK(mprotect(page[k] + PAGE, PAGE, PROT_READ) == 0);
        memset(page[k], 0x5a, PAGE);
    }
    for (int k = 0; k < COUNT; k++) {
        CHECK_ERROR(syscall(SYS_getcpu, page[k] + PAGE - 1, NULL, NULL), EFAULT);
        CHECK_ERROR(syscall(SYS_getcpu, NULL, page[k] + PAGE - 3, NULL), EFAULT);
        CHECK_ERROR(syscall(SYS_clock_gettime, CLOCK_REALTIME, page[k] + PAGE - 9), EFAULT);
        CHECK_ERROR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, page[k] + PAGE - 5, 8), EFAULT);
        for (int other = 0; other < COUNT; other++)
            CHECK(page[other][0] == 0x5a && page[other][3] == 0x5a && page[other][PAGE] == 0);
        CHECK(mprotect(page[k] + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
        memset(page[k] + PAGE - 4, 0x5a, 8);
        CHECK(syscall(SYS_getcpu, page[k] + PAGE - 2, NULL, NULL) == 0); /* into both pages */
        CHECK(page[k][PAGE] == 0 && page[k][PAGE + 1] == 0 && page[k][PAGE + 2] == 0x5a && page[k][PAGE - 1] == 0);
        memset(page[k] + PAGE - 4, 0x5a, 4), memset(page[k] + PAGE, 0, 4);
    }
    for (int k = 0; k < COUNT; k++)
        CHECK(munmap(page[k], 2 * PAGE) == 0);
}

static const unsigned long wild[] = {
    0, 1, PAGE - 1, PAGE, 1ul << 37, (1ul << 38) - PAGE, (1ul << 38) - 1, 1ul << 38, (1ul << 38) + PAGE, 1ul << 39, 1ul << 62,
    (1ul << 63) - PAGE, (1ul << 63) - 1, 1ul << 63, (1ul << 63) + PAGE, -2ul * PAGE, -1ul * PAGE, -1ul - PAGE, -1ul,
};
enum { WILD = sizeof wild / sizeof *wild };

/* Whatever is asked for at an address where nothing of the program's lies, the call answers, and nothing is broken. */
static void check_wild_values(void) {
    for (int i = 0; i < WILD; i++) {
        for (int j = 0; j < WILD; j++) {
            unsigned long start = wild[i], size = wild[j];
            if (start + size < size || start >= 1ul << 38) { /* reaches around, or begins where no program can be */
                if (size) {
                    CHECK(syscall(SYS_munmap, start, size) == -1 && errno == EINVAL);
                    CHECK(syscall(SYS_mprotect, start, size, PROT_READ) == -1);
                    CHECK(syscall(SYS_madvise, start, size, MADV_DONTNEED) == -1);
                }
                CHECK(syscall(SYS_mmap, start, size, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0) == -1);
                CHECK(syscall(SYS_mremap, start, PAGE, size, MREMAP_MAYMOVE) == -1);
            }
            CHECK(syscall(SYS_mremap, wild[1] + 0x7000, size, start, MREMAP_MAYMOVE) == -1); /* misaligned */
            CHECK(syscall(SYS_mremap, 0x7000, start, size, MREMAP_MAYMOVE | MREMAP_FIXED, start) == -1);
        }
        CHECK(syscall(SYS_mmap, NULL, wild[i] | 1ul << 39, PROT_READ, ANONYMOUS, -1, 0) == -1);
        CHECK(syscall(SYS_mmap, NULL, wild[i] | 1ul << 63, PROT_READ, ANONYMOUS, -1, 0) == -1);
        long now = syscall(SYS_brk, 0);
        if (wild[i] >= 1ul << 38)
            CHECK(syscall(SYS_brk, wild[i]) == now && syscall(SYS_brk, 0) == now);
    }
    int fd = make_file("/tmp/sparse", 1l << 40);
    CHECK_ERROR(syscall(SYS_mmap, NULL, 1l << 39, PROT_READ, MAP_SHARED, fd, 0), ENOMEM);
    CHECK_ERROR(syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE - 1), EINVAL);
    CHECK(close(fd) == 0 && unlink("/tmp/sparse") == 0);
}

int main(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0 && sigaction(SIGBUS, &action, NULL) == 0);
    check_mapped_twice();
    check_past_end(MAP_SHARED);
    check_past_end(MAP_PRIVATE);
    check_growing_and_shrinking();
    check_written_code();
    check_stores_at_page_ends();
    check_wild_values();
    return ok("filemap");
}
