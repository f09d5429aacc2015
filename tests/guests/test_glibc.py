"""Programs of another C library, glibc: where a cross compiler is installed (.ci/run does that where it can)."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMPILER = shutil.which("riscv64-linux-gnu-gcc")
RUN = [sys.executable, str(Path(__file__).resolve().parents[2] / "tools" / "run.py")]
SOURCE = """
#include <pthread.h>
#include <stdio.h>
static void *work(void *argument) { return (char *)argument + 1; }
int main(int argc, char **argv) {
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, work, argv[argc - 1]);
    pthread_join(thread, &result);
    printf("%s: %s\\n", argv[0], (char *)result);
    return 7;
}
"""


@pytest.mark.skipif(COMPILER is None, reason="needs riscv64-linux-gnu-gcc (Debian: gcc-riscv64-linux-gnu)")
def test_a_static_glibc_program_runs_by_a_relative_path(warm, tmp_path):
    (tmp_path / "program.c").write_text(SOURCE)
    command = [COMPILER, "-O1", "-static", "-pthread", "program.c", "-o", "program"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    for name in ("program", "./program"):
        command = [*RUN, "--quiet", "--cpus", "1", name, "argument"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stdout, done.stderr) == (7, f"{name}: rgument\n", "")


DYNAMIC = """
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>
static void *work(void *argument) { return argument; }
int main(int argc, char **argv) {
    pthread_t thread;
    void *result, *library = dlopen("libm.so.6", RTLD_NOW);
    double (*root)(double) = (double (*)(double))dlsym(library, "cbrt");
    pthread_create(&thread, NULL, work, argv[argc - 1]);
    pthread_join(thread, &result);
    printf("%s %d %.1f\\n", (char *)result, getauxval(AT_BASE) != 0, root(27.0));
    fflush(stdout);
    if (argc == 1) execv("/proc/self/exe", (char *[]){"x", "again", NULL});
    return 7;
}
"""


@pytest.mark.skipif(COMPILER is None, reason="needs riscv64-linux-gnu-gcc (Debian: gcc-riscv64-linux-gnu)")
def test_a_dynamic_glibc_program_runs_by_the_linker_of_a_mounted_system(warm, tmp_path):
    (tmp_path / "program.c").write_text(DYNAMIC)
    subprocess.run([COMPILER, "-O1", "-pthread", "program.c", "-o", "program"], cwd=tmp_path, check=True, timeout=120)
    found = subprocess.run([COMPILER, "-print-file-name=libc.so.6"], capture_output=True, text=True, check=True)
    libraries = Path(found.stdout.strip()).resolve().parent
    command = [*RUN, "--quiet", "--cpus", "2"]
    mounted = [*command, "--mount", f"{libraries}:/lib", "./program"]
    done = subprocess.run(mounted, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (7, "./program 1 3.0\nagain 1 3.0\n", "")
    done = subprocess.run([*command, "./program"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "/lib/ld-linux-riscv64-lp64d.so.1 is not in the machine" in done.stderr
