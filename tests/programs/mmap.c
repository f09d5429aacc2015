/* mmap, mprotect, munmap, mremap, madvise and brk: what they do, and the errors that Linux gives. Faults are observed
 * with a SIGSEGV handler that jumps out, which also tells apart "not mapped" from "not allowed".
 * True of Linux 6. qemu-riscv64 7.2 differs and fails: MAP_FIXED_NOREPLACE, mprotect of nothing, errors of mremap. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

enum { PAGE = 4096 };
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static sigjmp_buf back;
static volatile int fault_code;
static void *volatile fault_address;

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    fault_code = info->si_code;
    fault_address = info->si_addr;
    siglongjmp(back, 1);
}

/* 0 if the access succeeds, else si_code: SEGV_MAPERR or SEGV_ACCERR. */
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

static char *map(size_t size, int protection) {
    char *address = mmap(NULL, size, protection, ANONYMOUS, -1, 0);
    CHECK(address != MAP_FAILED && (uintptr_t)address % PAGE == 0);
    return address;
}

static void check_map_and_unmap(void) {
    char *a = map(4 * PAGE, PROT_READ | PROT_WRITE);
    for (int i = 0; i < 4 * PAGE; i++)
        CHECK(a[i] == 0);
    memset(a, 7, 4 * PAGE);
    CHECK(munmap(a + PAGE, PAGE) == 0); /* a hole in the middle */
    CHECK(a[0] == 7 && a[2 * PAGE] == 7);
    CHECK(try_read(a + PAGE) == SEGV_MAPERR && fault_address == a + PAGE);
    CHECK(try_write(a + 2 * PAGE - 1) == SEGV_MAPERR);
    CHECK(munmap(a, 4 * PAGE) == 0); /* over the hole: no error */
    CHECK(munmap(a, 4 * PAGE) == 0); /* nothing there: no error either */
    CHECK(try_read(a) == SEGV_MAPERR);
    CHECK_ERROR(munmap(a + 1, PAGE), EINVAL);
    CHECK_ERROR(munmap(a, 0), EINVAL);
}

static void check_errors(void) {
    CHECK_ERROR(mmap(NULL, 0, PROT_READ, ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERROR(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL); /* neither private nor shared */
    CHECK_ERROR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
    CHECK_ERROR(mmap((void *)0x20000001, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_mmap, NULL, (size_t)1 << 60, PROT_READ, ANONYMOUS, -1, 0), ENOMEM);
    CHECK_ERROR(syscall(SYS_mmap, NULL, -(size_t)1, PROT_READ, ANONYMOUS, -1, 0), ENOMEM);
}

static void check_fixed(void) {
    char *a = map(3 * PAGE, PROT_READ | PROT_WRITE);
    memset(a, 5, 3 * PAGE);
    CHECK(mmap(a + PAGE, PAGE, PROT_READ | PROT_WRITE, ANONYMOUS | MAP_FIXED, -1, 0) == a + PAGE);
    CHECK(a[0] == 5 && a[PAGE] == 0 && a[2 * PAGE] == 5);
    CHECK_ERROR(mmap(a, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    char *hint = mmap(a, PAGE, PROT_READ, ANONYMOUS, -1, 0); /* a hint at something in use: elsewhere */
    CHECK(hint != MAP_FAILED && (hint < a || hint >= a + 3 * PAGE));
    CHECK(munmap(hint, PAGE) == 0 && munmap(a, 3 * PAGE) == 0);
}

static void check_protection(void) {
    char *a = map(3 * PAGE, PROT_NONE);
    CHECK(try_read(a) == SEGV_ACCERR);
    CHECK(mprotect(a + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    CHECK(try_write(a + PAGE) == 0 && try_read(a + PAGE) == 0);
    CHECK(try_read(a + PAGE - 1) == SEGV_ACCERR && try_read(a + 2 * PAGE) == SEGV_ACCERR);
    a[PAGE] = 9;
    CHECK(mprotect(a, 3 * PAGE, PROT_READ) == 0);
    CHECK(a[PAGE] == 9 && a[0] == 0);
    CHECK(try_write(a + PAGE) == SEGV_ACCERR && fault_address == a + PAGE);
    CHECK(a[PAGE] == 9);
    CHECK(mprotect(a, 0, PROT_READ) == 0);
    CHECK_ERROR(mprotect(a, PAGE, 0x80), EINVAL);
    CHECK_ERROR(syscall(SYS_mprotect, a + 1, PAGE, PROT_READ), EINVAL);
    CHECK(munmap(a + 2 * PAGE, PAGE) == 0);
    CHECK_ERROR(mprotect(a, 3 * PAGE, PROT_READ | PROT_WRITE), ENOMEM); /* reaches into what is not mapped */
    CHECK(munmap(a, 2 * PAGE) == 0);

    /* Code that was written can run after mprotect and fence.i: li a0, 42; ret. */
    uint32_t *code = (uint32_t *)(void *)map(PAGE, PROT_READ | PROT_WRITE);
    code[0] = 0x02A00513, code[1] = 0x00008067;
    CHECK(mprotect(code, PAGE, PROT_READ | PROT_EXEC) == 0);
    __asm__ volatile("fence.i" ::: "memory");
    CHECK(((int (*)(void))(void *)code)() == 42);
    CHECK(mprotect(code, PAGE, PROT_READ | PROT_WRITE) == 0);
    if (sigsetjmp(back, 1) == 0) {
        ((int (*)(void))(void *)code)();
        CHECK(!"data was executed");
    }
    CHECK(fault_code == SEGV_ACCERR && fault_address == code);
    CHECK(munmap(code, PAGE) == 0);
}

static void check_remap(void) {
    char *a = map(2 * PAGE, PROT_READ | PROT_WRITE);
    a[0] = 1, a[PAGE] = 2;
    char *b = mremap(a, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    CHECK(b != MAP_FAILED && b[0] == 1 && b[PAGE] == 2 && b[2 * PAGE] == 0 && b[64 * PAGE - 1] == 0);
    CHECK(b == a || try_read(a) == SEGV_MAPERR);
    CHECK(mremap(b, 64 * PAGE, PAGE, 0) == b && b[0] == 1); /* shrinks in place */
    CHECK(try_read(b + PAGE) == SEGV_MAPERR);
    char *c = map(2 * PAGE, PROT_READ | PROT_WRITE);
    c[0] = 3;
    CHECK(mremap(b, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, c) == c); /* replaces what was there */
    CHECK(c[0] == 1 && c[PAGE] == 0 && try_read(b) == SEGV_MAPERR);
    CHECK_ERROR(mremap(c, PAGE, 2 * PAGE, 0), ENOMEM); /* the neighbour is in use */
    CHECK_ERROR(mremap(c + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EINVAL);
    CHECK_ERROR(mremap(c, PAGE, 0, MREMAP_MAYMOVE), EINVAL);
    CHECK(munmap(c, 2 * PAGE) == 0);
    CHECK_ERROR(mremap(c, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
}

static void check_advice(void) {
    char *a = map(3 * PAGE, PROT_READ | PROT_WRITE);
    memset(a, 4, 3 * PAGE);
    CHECK(madvise(a + PAGE, PAGE, MADV_DONTNEED) == 0);
    CHECK(a[0] == 4 && a[PAGE] == 0 && a[2 * PAGE - 1] == 0 && a[2 * PAGE] == 4);
    CHECK_ERROR(madvise(a + 1, PAGE, MADV_DONTNEED), EINVAL);
    CHECK(munmap(a, 3 * PAGE) == 0);
}

static void check_laziness(int flags, int file) {
    size_t size = (size_t)1 << 30; /* 1 GiB that is hardly touched must cost hardly anything */
    char *a = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, file, 0);
    CHECK(a != MAP_FAILED);
    a[0] = a[size / 2] = a[size - 1] = 1;
    CHECK(a[size / 4] == 0);
    CHECK(munmap(a, size) == 0);
}

static void check_brk(void) {
    char *start = (char *)syscall(SYS_brk, 0);
    CHECK((char *)syscall(SYS_brk, start + 3 * PAGE) == start + 3 * PAGE);
    start[0] = start[3 * PAGE - 1] = 1;
    CHECK(start[PAGE] == 0);
    CHECK((char *)syscall(SYS_brk, start) == start);
    CHECK((char *)syscall(SYS_brk, start + 3 * PAGE) == start + 3 * PAGE);
    CHECK(start[PAGE - 1 + PAGE] == 0 && start[3 * PAGE - 1] == 0); /* what was given back returns as zeros */
    CHECK((char *)syscall(SYS_brk, 8) == start + 3 * PAGE); /* absurd: unchanged, no error */
}

int main(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    check_map_and_unmap();
    check_errors();
    check_fixed();
    check_protection();
    check_remap();
    check_advice();
    check_laziness(ANONYMOUS | MAP_NORESERVE, -1);
    int zero = open("/dev/zero", O_RDWR);
    CHECK(zero >= 0);
    check_laziness(MAP_PRIVATE, zero);
    check_brk();
    return ok("mmap");
}
