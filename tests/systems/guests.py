"""Small C guests written inside a test, built by ziglang."""

import subprocess
import sys

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


def build_guest(directory, text, name="guest"):
    """The path of the ELF of a C text; HEAD comes before it."""
    source, elf = directory / f"{name}.c", directory / f"{name}.elf"
    source.write_text(HEAD + text)
    build.compile_c(source, elf, f"-I{build.GUESTS}", "-Wno-unused-function")
    return str(elf)


def build_with_symbols(directory, text, name="guest"):
    """The same, and its functions keep their names; no `.elf` in the file's."""
    source, elf = directory / f"{name}.c", directory / name
    source.write_text(HEAD + text)
    flags = [flag for flag in build.FLAGS if flag != "-s"] + [f"-I{build.GUESTS}", "-Wno-unused-function"]
    subprocess.run([sys.executable, "-m", "ziglang", "cc", *flags, source, "-o", elf], check=True, cwd=directory)
    return str(elf)
