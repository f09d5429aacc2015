"""User threads on upcalls: the library's own programs, and unchanged pthread programs on it; each checks itself."""

import pytest

from emu import Machine
from emu.guests import build

from .programs import SOURCES, Output

KSE = SOURCES / "kse"
# (upcalls, a queue each and stealing, CPUs, policy)
MACHINES = [(1, 0, 1, "inko"), (2, 0, 2, "eevdf"), (4, 1, 2, "random")]
NAMES = sorted(path.stem for path in KSE.glob("*.c"))

# The programs about signals to threads, kernel threads' numbers, priorities and CPUs, and about robust, shared and
# priority-inheriting locks need kernel threads.
PTHREADS = (
    "atomics", "barrier", "cancel", "clock", "condring", "detached", "forkthreads", "futex", "jobs", "lrsc",
    "malloc_threads", "mutex", "once", "rwlock", "semaphore", "sharedmemory", "spinlock", "threads500", "tls",
)  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """`built(source, *flags)` is the path of a program's ELF."""
    directory, made = tmp_path_factory.mktemp("kse"), {}

    def one(source, *flags):
        if source not in made:
            made[source] = directory / f"{source.parent.name}_{source.stem}.elf"
            build.compile_c(source, made[source], f"-I{build.GUESTS}", *flags)
        return made[source]

    return one


def run(program, name, machine, *arguments):
    upcalls, stealing, cpus, policy = machine
    env = {"KSE_UPCALLS": upcalls, "KSE_STEALING": stealing}
    with Output() as output:
        files = {"stdout": output.descriptor, "stderr": output.descriptor}
        with Machine(cpus, policy, quiet=True, seed=cpus, max_threads=1024, **files) as started:
            job = started.spawn(str(program), *arguments, env=env)
            report = started.run()
        assert job.exit_status == 0, output.text()
        assert output.text().endswith(f"ok {name}\n")
    assert report.failure == ""
    assert report.threads_created == report.threads_exited
    assert report.leaks == {}


@pytest.mark.system("kse-11", "kse-1", "kse-2", "kse-3", "kse-6")
@pytest.mark.parametrize("machine", MACHINES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_user_threads_do_what_threads_do(built, name, machine):
    run(built(KSE / f"{name}.c"), name, machine, machine[0], machine[1])


@pytest.mark.system("kse-11")
@pytest.mark.parametrize("number", range(len(PTHREADS)), ids=PTHREADS.__getitem__)
def test_pthread_program_runs_on_user_threads(built, number):
    name = PTHREADS[number]
    program = built(SOURCES / f"{name}.c", "-include", "kse_pthread.h")
    for machine in (MACHINES[0], MACHINES[1 + number % 2]):
        run(program, name, machine)
