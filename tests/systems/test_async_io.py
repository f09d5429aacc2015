"""Asynchronous reads and writes, whose outcomes are messages, on whole machines (inko-6)."""

import pytest

from tests.systems.guests import build_guest
from tests.systems.test_rust import finish
from tests.traces import checked_trace

TOOLS = """
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
static long my_tid(void) { return syscall(SYS_gettid); }
static struct emu_mail got;
static long submit(int fd, int operation, void *address, long size, long data) {
    return emu_aio_submit(fd, operation, address, size, -1, data);
}
/* The next completion is this one. */
static int is(long data, long result, long operation, long fd) {
    if (emu_mailbox_receive(&got, -1) != my_tid())
        return 0;
    int right = got.words[0] == data && got.words[1] == result && got.words[2] == operation && got.words[3] == fd;
    if (!right)
        printf("%ld, result %ld, operation %ld, fd %ld\\n", got.words[0], got.words[1], got.words[2], got.words[3]);
    return right;
}
"""

FILES = """
int main(void) {
    char text[64] = "";
    int pipes[2], ends[2];
    if (pipe(pipes) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 1;
    /* a pipe: the read waits, and the caller goes on */
    if (submit(pipes[0], EMU_AIO_READ, text, sizeof text, 11) != 0 || emu_mailbox_count(my_tid()) != 0)
        return 2;
    if (write(pipes[1], "hello", 5) != 5 || !is(11, 5, EMU_AIO_READ, pipes[0]) || strcmp(text, "hello") != 0)
        return 3;
    /* more than a pipe holds: the write waits */
    static char much[200000], back[200000];
    for (unsigned k = 0; k < sizeof much; k++)
        much[k] = k * 7 + k / 999;
    if (submit(pipes[1], EMU_AIO_WRITE, much, sizeof much, 12) != 0)
        return 4;
    for (unsigned k = 0; k < sizeof back;)
        k += read(pipes[0], back + k, sizeof back - k);
    if (!is(12, sizeof much, EMU_AIO_WRITE, pipes[1]) || memcmp(much, back, sizeof much) != 0)
        return 5;
    /* a socket, both ways at once */
    if (submit(ends[0], EMU_AIO_READ, text, 3, 13) != 0 || submit(ends[1], EMU_AIO_WRITE, "abc", 3, 14) != 0)
        return 6;
    int first = emu_mailbox_receive(&got, -1) == my_tid() && got.words[0] == 14;
    if (!is(first ? 13 : 14, 3, !first, ends[!first]) || memcmp(text, "abc", 3) != 0)
        return 7;
    /* a counter */
    long count = 0;
    int counter = eventfd(0, 0);
    if (submit(counter, EMU_AIO_READ, &count, 8, 15) != 0 || eventfd_write(counter, 42) != 0)
        return 8;
    if (!is(15, 8, EMU_AIO_READ, counter) || count != 42)
        return 9;
    /* a file, at its position and elsewhere */
    int file = open("/tmp/file", O_RDWR | O_CREAT, 0600);
    if (submit(file, EMU_AIO_WRITE, "0123456789", 10, 16) != 0 || !is(16, 10, EMU_AIO_WRITE, file))
        return 10;
    if (emu_aio_submit(file, EMU_AIO_READ, text, 4, 3, 17) != 0 || !is(17, 4, EMU_AIO_READ, file))
        return 11;
    if (memcmp(text, "3456", 4) != 0 || emu_aio_submit(file, EMU_AIO_WRITE, "xy", 2, 1, 18) != 0)
        return 12;
    if (!is(18, 2, EMU_AIO_WRITE, file) || pread(file, text, 10, 0) != 10 || memcmp(text, "0xy3456789", 10) != 0)
        return 13;
    if (submit(file, EMU_AIO_READ, text, 10, 19) != 0 || !is(19, 0, EMU_AIO_READ, file)) /* its position is the end */
        return 14;
    return 0;
}
"""

ERRORS = """
int main(void) {
    char byte = 0;
    int pipes[2];
    if (pipe(pipes) != 0)
        return 1;
    if (submit(99, EMU_AIO_READ, &byte, 1, 1) != -9 || submit(-1, EMU_AIO_READ, &byte, 1, 1) != -9)
        return 2;
    if (submit(pipes[0], 2, &byte, 1, 1) != -22 || submit(pipes[0], EMU_AIO_READ, &byte, -1, 1) != -22)
        return 3;
    if (emu_aio_submit(pipes[0], EMU_AIO_READ, &byte, 1, -2, 1) != -22)
        return 4;
    if (submit(pipes[1], EMU_AIO_READ, &byte, 1, 5) != 0 || !is(5, -EBADF, EMU_AIO_READ, pipes[1]))
        return 5;
    if (emu_aio_submit(pipes[0], EMU_AIO_READ, &byte, 1, 0, 6) != 0 || !is(6, -ESPIPE, EMU_AIO_READ, pipes[0]))
        return 6;
    if (submit(pipes[1], EMU_AIO_WRITE, (void *)16, 1, 7) != 0 || !is(7, -EFAULT, EMU_AIO_WRITE, pipes[1]))
        return 7;
    /* memory that is unmapped as the read waits */
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (submit(pipes[0], EMU_AIO_READ, page, 1, 8) != 0)
        return 8;
    nap(2000);
    if (munmap(page, 4096) != 0 || write(pipes[1], "z", 1) != 1 || !is(8, -EFAULT, EMU_AIO_READ, pipes[0]))
        return 9;
    if (read(pipes[0], &byte, 1) != 1 || byte != 'z') /* it is not lost */
        return 10;
    /* a bound, and then all of them complete */
    for (int k = 0; k < 64; k++)
        if (submit(pipes[0], EMU_AIO_READ, &byte, 1, 100 + k) != 0)
            return 11;
    if (submit(pipes[0], EMU_AIO_READ, &byte, 1, 1) != -11)
        return 12;
    char many[64];
    long seen = 0;
    if (write(pipes[1], many, 64) != 64)
        return 13;
    for (int k = 0; k < 64; k++) {
        if (emu_mailbox_receive(&got, -1) != my_tid() || got.words[1] != 1)
            return 14;
        seen |= 1L << (got.words[0] - 100);
    }
    if (seen != -1)
        return 15;
    /* the operation has the file, whatever becomes of its descriptor; SIGPIPE is nobody's */
    if (submit(pipes[0], EMU_AIO_READ, &byte, 1, 9) != 0)
        return 16;
    int fd = pipes[0];
    close(fd);
    int others[2];
    if (pipe(others) != 0 || others[0] != fd || write(pipes[1], "q", 1) != 1)
        return 20;
    if (!is(9, 1, EMU_AIO_READ, fd) || byte != 'q')
        return 17;
    if (submit(pipes[1], EMU_AIO_WRITE, &byte, 1, 10) != 0 || !is(10, -EPIPE, EMU_AIO_WRITE, pipes[1]))
        return 18;
    pid_t child = fork();
    if (child == 0)
        _exit(emu_call(EMU_AIO_END, 0) == -22 ? 5 : 6); /* it is no helper, and goes on */
    int status = 0;
    return waitpid(child, &status, 0) == child && status == 5 << 8 ? 0 : 19;
}
"""

ENDS = """
static int pipes[2];
static char place[64];
static void *submitter(void *argument) {
    submit(pipes[0], EMU_AIO_READ, place, 1, 1);
    return argument;
}
static int status_of(pid_t child) {
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}
int main(int argc, char **argv) {
    if (argc > 1) /* nothing of the program before comes here: 200 ms for whatever might */
        return emu_mailbox_receive(&got, 200000000) == -110 ? 0 : 1;
    pipe(pipes);
    /* whose thread has left is told nothing; the operation is carried out */
    pthread_t thread;
    pthread_create(&thread, NULL, submitter, NULL);
    pthread_join(thread, NULL);
    write(pipes[1], "a", 1);
    while (*(volatile char *)place != 'a')
        sched_yield();
    /* a program takes the place of one that waits */
    pid_t child = fork();
    if (child == 0) {
        submit(pipes[0], EMU_AIO_READ, place, 1, 2);
        nap(1000);
        execl(argv[0], argv[0], "again", NULL);
        _exit(9);
    }
    nap(50000);
    write(pipes[1], "b", 1);
    if (status_of(child) != 0)
        return 2;
    if (read(pipes[0], place, 1) != 1 || place[0] != 'b') /* no helper is left that would have taken it */
        return 3;
    /* the end of a task, however it comes, does not wait for its operations */
    for (int how = 0; how < 4; how++) {
        child = fork();
        if (child == 0) {
            for (int k = 0; k < 5; k++)
                submit(pipes[0], EMU_AIO_READ, place, 1, 3);
            if (how & 1)
                nap(1000);
            if (how & 2)
                syscall(SYS_exit, 7);
            _exit(7);
        }
        if (status_of(child) != 7 << 8)
            return 4;
    }
    child = fork();
    if (child == 0) {
        submit(pipes[0], EMU_AIO_READ, place, 1, 4);
        for (;;)
            pause();
    }
    nap(20000);
    kill(child, SIGKILL);
    if (status_of(child) != SIGKILL)
        return 5;
    write(pipes[1], "c", 1);
    return read(pipes[0], place, 1) == 1 && place[0] == 'c' ? 0 : 6;
}
"""

FULL = """
int main(void) {
    int pipes[2];
    char byte;
    long mine = my_tid(), sent = 0, seen = 0, completions = 0;
    pipe(pipes);
    while (emu_mailbox_send(mine, 1, 0, 0, 0) == 0)
        sent++;
    for (int k = 0; k < 20; k++)
        if (submit(pipes[0], EMU_AIO_READ, &byte, 1, 77) != 0 || write(pipes[1], "x", 1) != 1)
            return 1;
    nap(20000); /* the helpers have found it full, if they are quick */
    while (seen + completions < sent + 20) {
        if (emu_mailbox_receive(&got, 30000000000) != mine) /* one that is lost would never come */
            return 2;
        if (got.words[0] == 77 && got.words[1] == 1)
            completions++;
        else
            seen++;
    }
    return sent == 1024 && completions == 20 && emu_mailbox_count(mine) == 0 ? 0 : 3;
}
"""

CROWD = """
/* Each thread sends a long stream to itself, through a pipe or a socket, by operations alone. */
static void *run(void *argument) {
    long me = (long)argument;
    int fds[2];
    if (me & 1 ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds))
        exit(2);
    static _Thread_local char out[3000], in[3000];
    long written = 0, read = 0, operations = 0;
    int writing = 0, reading = 0;
    while (read < 60000) {
        if (!writing && written < 60000) {
            for (unsigned k = 0; k < sizeof out; k++)
                out[k] = (written + k) * 31 + me;
            if (emu_aio_submit(fds[1], EMU_AIO_WRITE, out, sizeof out, -1, 1) != 0)
                exit(3);
            writing = 1;
        }
        if (!reading) {
            if (emu_aio_submit(fds[0], EMU_AIO_READ, in, 1 + (read * 7 + me) % sizeof in, -1, 2) != 0)
                exit(4);
            reading = 1;
        }
        struct emu_mail message;
        if (emu_mailbox_receive(&message, -1) != my_tid() || message.words[1] <= 0)
            exit(5);
        operations++;
        if (message.words[0] == 1) {
            writing = 0;
            written += message.words[1];
        } else {
            reading = 0;
            for (long k = 0; k < message.words[1]; k++)
                if (in[k] != (char)((read + k) * 31 + me))
                    exit(6);
            read += message.words[1];
        }
    }
    while (writing) {
        struct emu_mail message;
        emu_mailbox_receive(&message, -1);
        writing = 0;
    }
    return operations < 20 ? argument : NULL;
}
int main(void) {
    pthread_t threads[4];
    for (long k = 0; k < 4; k++)
        pthread_create(&threads[k], NULL, run, (void *)(k + 1));
    for (int k = 0; k < 4; k++) {
        void *wrong;
        pthread_join(threads[k], &wrong);
        if (wrong)
            return 7;
    }
    return 0;
}
"""

# What a helper was asked for is no register of its: they are all rewritten while its read waits (kse-9).
HOSTILE = """
int main(void) {
    int pipes[2], found = 0;
    char byte = 0;
    struct emu_ids ids = {0};
    struct emu_context context;
    if (pipe(pipes) != 0 || submit(pipes[0], EMU_AIO_READ, &byte, 1, 31) != 0)
        return 1;
    nap(1000);
    for (int tid = 1; tid < 200 && !found; tid++) {
        ids.tid = tid;
        if (tid == my_tid() || emu_thread_control(EMU_THREAD_SUSPEND, &ids) != 0)
            continue;
        found = tid;
        long error = emu_exchange_registers(tid, &context, EMU_READ);
        for (int k = 18; k < 28; k++)
            context.x[k] = k == 21 ? context.x[k] : -1 - k; /* s5 is its result */
        if (error != 0 || emu_exchange_registers(tid, &context, EMU_WRITE_X) != 0)
            return 2;
        if (emu_thread_control(EMU_THREAD_RUN, &ids) != 0)
            return 3;
    }
    if (!found || write(pipes[1], "h", 1) != 1 || !is(31, 1, EMU_AIO_READ, pipes[0]) || byte != 'h')
        return 4;
    /* its code is no secret: made anew to call AIO_END at once, it tells of its own operation */
    if (submit(pipes[0], EMU_AIO_READ, &byte, 1, 32) != 0)
        return 5;
    nap(1000);
    for (int tid = 1; tid < 70000; tid++) {
        ids.tid = tid;
        if (tid == my_tid() || emu_thread_control(EMU_THREAD_SUSPEND, &ids) != 0)
            continue;
        if (emu_exchange_registers(tid, &context, EMU_READ) != 0)
            return 6;
        for (int k = 1; k < 32; k++)
            context.x[k] = 77;
        context.x[21] = 123;
        context.pc += 8; /* behind the call, and the move of its result */
        if (emu_exchange_registers(tid, &context, EMU_WRITE_X | EMU_WRITE_PC) != 0)
            return 7;
        if (emu_thread_control(EMU_THREAD_RUN, &ids) != 0)
            return 8;
        return is(32, 123, EMU_AIO_READ, pipes[0]) ? 0 : 9;
    }
    return 10;
}
"""

PROGRAMS = {"files": FILES, "errors": ERRORS, "ends": ENDS, "full": FULL, "hostile": HOSTILE}


@pytest.mark.system("inko-6")
@pytest.mark.system("kse-9")
@pytest.mark.parametrize("pools", [0, 1], ids=["one-pool", "two-pools"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_was_submitted_completes_with_a_message(boot, seed, tmp_path, program, pools):
    guest = build_guest(tmp_path, TOOLS + PROGRAMS[program], program)
    with boot(3, "inko", seed=seed, blocking_cpus=pools, mounts=[f"{tmp_path}:{tmp_path}"]) as machine:
        job = machine.spawn(guest)
        finish(machine)
        assert job.exit_status == 0, machine.output.read_text()


@pytest.mark.system("inko-6")
@pytest.mark.parametrize("policy", ["inko", "codezero", "bsd4"])
def test_streams_by_operations_alone_arrive_whole_and_helpers_run_in_the_blocking_pool(boot, seed, tmp_path, policy):
    guest = build_guest(tmp_path, TOOLS + CROWD, "crowd")
    with boot(4, policy, seed=seed, blocking_cpus=2, trace=tmp_path / "trace") as machine:
        job = machine.spawn(guest)
        report = finish(machine)
        assert job.exit_status == 0, machine.output.read_text()
        assert report.cpus[0].system_calls + report.cpus[1].system_calls > 100
        helped = sum(c.switches for c in report.cpus if c.blocking)
        assert helped > 100, "it is the helpers that read and write"
    checked_trace(machine)
