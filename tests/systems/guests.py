"""Small C guests written inside a test, built by ziglang."""

from emu.guests import build

HEAD = """
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "emu.h"
static inline void nap(long us) {
    struct timespec time = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&time, NULL);
}
static inline void pin(int cpu) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(cpu, &mask);
    if (sched_setaffinity(0, sizeof mask, &mask) != 0)
        exit(99);
}
"""


def build_guest(directory, text, name="guest", *flags):
    """The path of the ELF of a C text; HEAD comes before it. With -s it has no names of functions."""
    source, elf = directory / f"{name}.c", directory / f"{name}.elf"
    source.write_text(HEAD + text)
    build.compile_c(source, elf, f"-I{build.GUESTS}", "-Wno-unused-function", *flags)
    return str(elf)
