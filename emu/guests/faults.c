/* faults: commits one crime, so that the trap can be seen. What Linux ends it with:
 *   illegal SIGILL (4)      null, unmapped, readonly, exec, stack SIGSEGV (11)
 *   ebreak SIGTRAP (5)      abort SIGABRT (6)      amo: a misaligned atomic, SIGBUS (7), or on some machines no fault
 * Arguments: KIND. Prints "committing KIND" first. If no trap comes: prints "survived KIND", exit status 3.
 * There is no misaligned jump: with compressed instructions every even target is aligned, and jalr clears bit 0. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int data[2] = {0x00000013, 0x00008067}; /* nop; ret */

static void illegal(void) { __asm__ volatile(".word 0"); }
static void ebreak(void) { __asm__ volatile("ebreak"); }
static void null(void) { __asm__ volatile("sd zero, 0(zero)" ::: "memory"); }
static void unmapped(void) { __asm__ volatile("ld t0, 0(%0)" ::"r"(0x3000000000) : "t0", "memory"); }
static void readonly(void) { __asm__ volatile("sw zero, 0(%0)" ::"r"(illegal) : "memory"); }
static void exec(void) { ((void (*)(void))(void *)data)(); }
static void amo(void) { __asm__ volatile("amoadd.w t0, t0, (%0)" ::"r"((char *)data + 1) : "t0", "memory"); }

static long no_end = 1000000000; /* read at run time, so that the compiler cannot see where the recursion leads */
static __attribute__((noinline)) long stack(long depth) {
    volatile char frame[1024];
    frame[0] = (char)depth;
    return depth == no_end ? 0 : stack(depth + 1) + frame[0];
}
static void overflow(void) { stack(0); }

static const struct {
    const char *kind;
    void (*commit)(void);
} crimes[] = {
    {"illegal", illegal}, {"null", null}, {"unmapped", unmapped}, {"ebreak", ebreak}, {"readonly", readonly},
    {"exec", exec}, {"stack", overflow}, {"abort", (void (*)(void))abort}, {"amo", amo},
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc == 2 && i < sizeof crimes / sizeof *crimes; i++)
        if (strcmp(argv[1], crimes[i].kind) == 0) {
            printf("committing %s\n", argv[1]);
            fflush(stdout);
            crimes[i].commit();
            printf("survived %s\n", argv[1]);
            return 3;
        }
    fprintf(stderr, "usage: faults illegal|null|unmapped|ebreak|readonly|exec|stack|abort|amo\n");
    return 2;
}
