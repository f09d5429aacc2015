"""Signals on whole machines: what a job leaves, why a task ends, and the C library's own signals."""

import os
import shutil
import subprocess

import pytest

from emu.limits import MAX_THREADS
from tests.guests.programs import run_programs
from tests.systems.guests import build_guest

GCC = shutil.which("riscv64-linux-gnu-gcc")


def finish(machine):
    report = machine.run()
    assert report.failure == "" and report.leaks == {}
    return report


def test_the_next_owner_of_a_record_knows_nothing_of_who_died_in_a_wait(boot, seed, tmp_path):
    """Victims die in sigsuspend, sigtimedwait, with blocked and queued signals; then the same records wait again."""
    victim = build_guest(tmp_path, """
    #include <signal.h>
    static void nothing(int signal) { (void)signal; }
    int main(int count, char **arguments) {
        sigset_t all, none;
        sigfillset(&all), sigemptyset(&none);
        signal(SIGUSR1, nothing);
        if (arguments[1][0] == 's')
            sigsuspend(&none);
        sigprocmask(SIG_SETMASK, &all, NULL);
        for (int k = 0; k < 50; k++)
            sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = k});
        if (arguments[1][0] == 'q')
            for (;;) nap(1000000);
        sigdelset(&all, SIGRTMIN);
        sigtimedwait(&all, NULL, &(struct timespec){1000, 0});
        return count;
    }
    """, "victim")  # fmt: skip
    heir = build_guest(tmp_path, """
    #include <signal.h>
    static volatile int ran;
    static void handler(int signal) { (void)signal; ran++; }
    int main(void) {
        sigset_t usr1, old, pending;
        sigemptyset(&usr1), sigaddset(&usr1, SIGUSR1);
        signal(SIGUSR1, handler);
        if (sigprocmask(SIG_BLOCK, &usr1, &old) != 0) return 1;
        if (sigismember(&old, SIGUSR1) || sigismember(&old, SIGTERM)) return 1;
        if (sigpending(&pending) != 0 || sigismember(&pending, SIGRTMIN)) return 2;
        kill(getpid(), SIGUSR1);
        sigsuspend(&old);
        return ran == 1 ? 0 : 3;
    }
    """, "heir")  # fmt: skip
    with boot(2, seed=seed) as machine:
        jobs = [machine.spawn(victim, kind) for kind in "swqswq"]
        while len([t for t in machine.threads() if t.state == "blocked"]) < len(jobs):
            assert not any(job.done for job in jobs)
        for job in jobs:
            machine.kill(job)
        while not all(job.done for job in jobs):
            pass
        heirs = [machine.spawn(heir) for _ in jobs]
        finish(machine)
        assert [job.exit_status for job in heirs] == [0] * len(heirs)


def test_a_frame_that_has_no_room_ends_the_task_with_its_reason(warm, tmp_path):
    text = """
    #include <signal.h>
    static void handler(int signal) { (void)signal; }
    int main(void) {
        signal(SIGUSR1, handler);
        __asm__ volatile("mv a0, %0\\n li a1, 10\\n li sp, 64\\n li a7, 129\\n ecall\\n ebreak"
                         ::"r"((long)getpid()) : "a0", "a1", "a7", "memory");
        return 0;
    }
    """
    [(status, output)], _ = run_programs([(build_guest(tmp_path, text),)], 1, "inko", seed=1)
    assert status == 128 + 11
    assert "SIGSEGV: no room for the frame of signal 10 (sp=0x40): memory at" in output


def test_a_program_may_have_as_many_threads_as_linux_lets_it(boot, seed, tmp_path):
    """RLIMIT_NPROC is 16,384; the kernel's own threads and the spare record of the creator are among them."""
    text = """
    #include <errno.h>
    #include <sys/resource.h>
    static atomic_int stop;
    static void *stay(void *argument) { while (!atomic_load(&stop)) nap(100000); return argument; }
    int main(void) {
        static pthread_t threads[20000];
        struct rlimit limit;
        int made = 0, error;
        pthread_attr_t small;
        pthread_attr_init(&small), pthread_attr_setstacksize(&small, 16384);
        if (getrlimit(RLIMIT_NPROC, &limit) != 0 || limit.rlim_cur != 16384) return 1;
        while ((error = pthread_create(&threads[made], &small, stay, NULL)) == 0) made++;
        atomic_store(&stop, 1);
        for (int k = 0; k < made; k++) pthread_join(threads[k], NULL);
        return error == EAGAIN && made >= 16000 ? 0 : 2;
    }
    """
    with boot(2, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, text))
        report = finish(machine)
        assert job.exit_status == 0 and report.max_threads == MAX_THREADS


@pytest.mark.skipif(GCC is None, reason="needs riscv64-linux-gnu-gcc, for static programs with glibc")
def test_glibc_cancels_threads_and_sets_ids_by_signals_of_its_own(boot, seed, tmp_path):
    """Its handlers look at si_pid and si_code; without them pthread_cancel and setuid wait for ever."""
    source = tmp_path / "glibc.c"
    source.write_text("""
    #define _GNU_SOURCE
    #include <pthread.h>
    #include <unistd.h>
    static void *idle(void *a) { for (;;) sleep(100); }
    static void *busy(void *a) { for (;;) pthread_testcancel(); }
    int main(void) {
        pthread_t threads[2];
        void *result;
        pthread_create(&threads[0], 0, idle, 0), pthread_create(&threads[1], 0, busy, 0);
        if (setuid(getuid()) != 0 || setgid(getgid()) != 0 || seteuid(0) != 0) return 1;
        for (int k = 0; k < 2; k++)
            if (pthread_cancel(threads[k]) != 0 || pthread_join(threads[k], &result) != 0 || result != PTHREAD_CANCELED)
                return 2;
        return 0;
    }
    """)
    program = tmp_path / "glibc.elf"
    subprocess.run([GCC, "-O1", "-static", "-pthread", "-w", source, "-o", program], check=True, env=os.environ)
    with boot(2, seed=seed) as machine:
        job = machine.spawn(str(program))
        finish(machine)
        assert job.exit_status == 0
