/* What the guests of tests/fuzz share: chance, wild words, a call with any number, a row of a grammar. */
#ifndef FUZZ_H
#define FUZZ_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../../emu/guests/emu.h"

enum {
    PAGE = 4096,
    GROUND_PAGES = 24, /* of a thread's own memory: calls map, unmap and protect its upper half */
};

#define END -7 /* of a row's choices */

struct worker {
    uint64_t random;
    int tid;
    volatile long calls;
    volatile int in_call; /* the call under way, -1 outside */
    char *ground;         /* GROUND_PAGES, then an unmapped page */
    char *stack;          /* in syscalls.c: of threads that it clones; in natives.c: its own */
    char *alternate;
    int child_word;
};

static char *read_only, *hidden;

static inline long raw(long n, const long *v) {
    register long a0 __asm__("a0") = v[0], a1 __asm__("a1") = v[1], a2 __asm__("a2") = v[2], a3 __asm__("a3") = v[3];
    register long a4 __asm__("a4") = v[4], a5 __asm__("a5") = v[5], a7 __asm__("a7") = n;
    /* A message that is received changes a1 to a4, a6 and t0 to t5. */
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4) : "r"(a5), "r"(a7)
                     : "memory", "a6", "t0", "t1", "t2", "t3", "t4", "t5");
    return a0;
}

/* A clone whose child, a thread or a process, leaves at once, touching nothing. */
static inline long raw_clone(long n, const long *v) {
    register long a0 __asm__("a0") = v[0], a1 __asm__("a1") = v[1], a2 __asm__("a2") = v[2], a3 __asm__("a3") = v[3];
    register long a4 __asm__("a4") = v[4], a7 __asm__("a7") = n;
    __asm__ volatile("ecall\n bnez a0, 1f\n li a7, 93\n ecall\n 1:"
                     : "+r"(a0), "+r"(a7) : "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
    return a0;
}

static inline uint64_t draw(struct worker *w) {
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random * 0x2545f4914f6cdd1dULL;
}

static inline void sow(struct worker *w, uint64_t seed, uint64_t which) {
    w->random = (seed + 1) * 0x9e3779b97f4a7c15ULL + which * 0xbf58476d1ce4e5b9ULL;
    for (int n = 0; n < 8; n++) draw(w);
}

static inline long below(struct worker *w, long n) { return (long)((draw(w) >> 11) % (uint64_t)n); }

static inline char *page(struct worker *w, long k) { return w->ground + k * PAGE; }

static inline char *new_ground(long slack_pages) { /* behind the unmapped page: what ranges that are too long may hit */
    char *at = mmap(0, (GROUND_PAGES + 1 + slack_pages) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(at + GROUND_PAGES * PAGE, PAGE);
    return at;
}

static inline void make_targets(void) {
    read_only = mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    hidden = mmap(0, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static inline long wild(struct worker *w) {
    static const long ends[] = {
        0, 1, -1, -4096, 0x7fffffff, -0x7fffffffL - 1, 0xffffffffL, 1L << 32, 1L << 38, (1L << 38) - 1, (1L << 38) - 8,
        1L << 39, 1L << 47, 1L << 62, (1L << 62) - 1, (long)(1UL << 63), (long)(~0UL >> 1), 0xdeadbeefL, 4095, 4097,
    };
    switch (below(w, 6)) {
    case 0: return (long)draw(w);
    case 1: return (long)(page(w, GROUND_PAGES) - 1 - below(w, 24)); /* the last bytes before an unmapped page */
    case 2: return (long)(read_only + below(w, PAGE));
    case 3: return (long)(hidden + below(w, PAGE));
    case 4: return (long)(draw(w) >> below(w, 64));
    default: return ends[below(w, sizeof ends / sizeof *ends)];
    }
}

/* A size for a call that maps or unmaps: none, or so large that it must fail; what lies between would hit the program. */
static inline long wild_size(struct worker *w) {
    static const long sizes[] = {0, -1, -4096, 1L << 38, 1L << 62, (long)(1UL << 63), (long)(~0UL >> 1), -4095};
    return sizes[below(w, sizeof sizes / sizeof *sizes)];
}

static inline int on_emu(void) { /* elsewhere the calls would be made on the host, as whoever runs it */
    struct utsname host;
    return uname(&host) == 0 && strstr(host.version, "emu") != 0;
}

#endif
