"""Files of a server outside the kernel, fs0 and its pager mm0 (cz-15): equal results, bad clients, its end."""

import subprocess
import sys

import pytest

from emu import Machine
from emu.guests.build import compile_c
from tests.guests.programs import SOURCES, Output
from tests.systems.guests import build_guest

HEAD = """
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
"""


def run(program, *arguments, cpus=2, policy="inko", seed=1, server="fs0", **options):
    """(exit status, output, report) of a program whose files are a server's, whose tid is its last argument."""
    with Output() as output:
        descriptor = output.descriptor
        machine = Machine(cpus, policy, seed=seed, stdout=descriptor, stderr=descriptor, quiet=True, **options)
        with machine:
            if server:
                fs = machine.start_file_server(server)
                arguments = *arguments, machine._ask("pid", fs._handle)
                job = machine.spawn(program, *arguments, file_server=fs)
            else:
                job = machine.spawn(program, *arguments)
            report = machine.run(limit_s=120)
        return job.exit_status, output.text(), report


@pytest.fixture(scope="module")
def filetree(tmp_path_factory):
    elf = tmp_path_factory.mktemp("files") / "filetree.elf"
    compile_c(SOURCES / "filetree.c", elf)
    return str(elf)


@pytest.mark.system("cz-15")
@pytest.mark.parametrize(("cpus", "policy"), [(1, "codezero"), (2, "inko"), (4, "eevdf")])
def test_files_are_the_same_on_a_file_server_and_on_the_machines_own_file_system(filetree, cpus, policy, seed):
    own = run(filetree, "speaks", cpus=cpus, policy=policy, seed=seed, server=None)
    served = run(filetree, "speaks", cpus=cpus, policy=policy, seed=seed)
    assert served[:2] == own[:2]
    assert own[0] == 0 and own[1].endswith("ok filetree\n") and own[1].count("\n") > 300
    assert served[2].leaks == {}


HOSTILE = """
static long garbage(int tid, long a, long b, long c) {
    struct emu_message m = {.mr = {a, b, c, -1, 1L << 62, 7}};
    return emu_ipc(tid, EMU_NILTHREAD, 0, -1, &m);
}
static long asks(int tid, long a, long b) {
    struct emu_message m = {.mr = {a, b, 1}};
    return emu_ipc(tid, tid, 0, -1, &m) < 0 ? -1000 : m.mr[0];
}
int main(int argc, char **argv) {
    int fs0 = atoi(argv[argc - 1]), mm0 = 0, status;
    char text[8];
    int file = open("f", O_CREAT | O_RDWR, 0644);
    if (write(file, "abc", 3) != 3)
        return 1;
    for (long k = -70; k < 500; k++)
        if (garbage(fs0, k, k << 40, -k) != 0)
            return 2;
    if (asks(fs0, 56, 0) != -EINVAL) /* nobody but the kernel makes a call on files */
        return 3;
    for (long number = 0; number < 450; number++) { /* arguments that make no sense, calls that are unknown */
        if (number == SYS_close)
            continue;
        if (number >= 29 && number <= 88 && number != SYS_pselect6 && number != SYS_ppoll && number != 75) {
            syscall(number, file, -1L, -1L, -1L, -1L, -1L);
            syscall(number, AT_FDCWD, 8L, 1L << 62, 1L << 62, 1L << 62, 3);
            syscall(number, AT_FDCWD, "f", -5L, -5L, -5L, 3);
            syscall(number, file, 1L << 63, 1L << 62, 1L << 62, 3);
        }
    }
    if (rmdir("/root") == 0 || unlink("/root/f") != 0 || rmdir("/root") != 0 || mkdir("/root", 0755) != 0)
        return 7; /* the directory where relative paths begin goes, and nothing with it */
    if (open("g", O_CREAT | O_RDWR, 0644) != -1 || errno != ENOENT)
        return 8;
    file = open("/root/g", O_CREAT | O_RDWR, 0644);
    /* A task that makes the server its pager has its fault refused. */
    if (fork() == 0) {
        emu_name_server((int)syscall(SYS_gettid), EMU_PAGER, fs0);
        *(volatile char *)0x2a00000000L = 1;
        _exit(0);
    }
    if (wait(&status) < 0 || WTERMSIG(status) != SIGSEGV)
        return 4;
    if (fork() == 0) {
        long nobody = emu_name_server((int)syscall(SYS_gettid), EMU_FILE_SERVER, 1 << 28);
        if (emu_name_server(fs0, EMU_FILE_SERVER, (int)syscall(SYS_gettid)) != -EPERM || nobody != -ESRCH)
            _exit(1);
        _exit(emu_closed_file() == -EAGAIN && emu_name_server(mm0, 2, 0) == -EINVAL ? 0 : 1);
    }
    if (wait(&status) < 0 || status != 0)
        return 5;
    return write(file, "def", 3) == 3 && pread(file, text, 8, 0) == 3 && memcmp(text, "def", 3) == 0 ? 0 : 6;
}
"""


@pytest.mark.system("cz-15")
def test_garbage_is_refused_and_the_server_goes_on(tmp_path, seed):
    status, output, report = run(build_guest(tmp_path, HEAD + HOSTILE), seed=seed)
    assert (status, report.leaks) == (0, {})
    assert output.count("\n") == 1 and "SIGSEGV" in output  # the fault that was refused


KILLED = """
static void fill(int number) {
    char name[16], block[4096] = {0};
    for (int lap = 0;; lap++) {
        snprintf(name, sizeof name, "f%d-%d", number, lap % 3);
        int file = open(name, O_CREAT | O_RDWR, 0644);
        for (int k = 0; k < 5; k++)
            if (write(file, block, sizeof block) != sizeof block)
                _exit(1);
        unlink(name);
        close(file);
    }
}
int main(void) {
    struct statfs before, after;
    int status;
    mkdir("d", 0755), rmdir("d");
    if (statfs("/tmp", &before) != 0)
        return 1;
    for (int lap = 0; lap < 12; lap++) {
        int children[4];
        for (int k = 0; k < 4; k++)
            if ((children[k] = fork()) == 0)
                fill(k);
        nap(2000 + 700 * lap);
        for (int k = 0; k < 4; k++)
            kill(children[k], SIGKILL);
        for (int k = 0; k < 4; k++)
            if (wait(&status) < 0 || WTERMSIG(status) != SIGKILL)
                return 2;
        for (int k = 0; k < 12; k++) {
            char name[16];
            snprintf(name, sizeof name, "f%d-%d", k / 3, k % 3);
            unlink(name);
        }
    }
    if (statfs("/tmp", &after) != 0)
        return 3;
    return after.f_bfree == before.f_bfree && after.f_ffree == before.f_ffree ? 0 : 4;
}
"""


@pytest.mark.system("cz-15")
@pytest.mark.parametrize("cpus", [1, 3])
def test_files_that_killed_clients_had_open_are_closed(tmp_path, seed, cpus):
    status, output, report = run(build_guest(tmp_path, HEAD + KILLED), cpus=cpus, seed=seed)
    assert (status, output, report.leaks) == (0, "", {})


FULL = """
int main(void) {
    static char block[65536];
    int file = open("full", O_CREAT | O_RDWR, 0644), other = open("other", O_CREAT | O_RDWR, 0644);
    long total = 0, done;
    while ((done = write(file, block, sizeof block)) > 0)
        total += done;
    if (errno != ENOSPC && errno != EFBIG)
        return 1;
    if (write(other, block, 1) == 1 && errno == ENOSPC)
        return 2;
    if (ftruncate(file, 0) != 0 || write(other, block, sizeof block) != sizeof block || total < 1 << 20)
        return 3;
    return 0;
}
"""


@pytest.mark.system("cz-15")
def test_a_full_file_server_says_so_and_gives_room_again(tmp_path, seed):
    status, output, _ = run(build_guest(tmp_path, HEAD + FULL), seed=seed, memory="32M")
    assert (status, output) == (0, "")


DEATH = """
int main(int argc, char **argv) {
    int file = open("f", O_CREAT | O_RDWR, 0644), ends[2], status;
    char text[8];
    if (file < 0 || pipe(ends) != 0 || write(ends[1], "abc", 3) != 3)
        return 1;
    for (int k = 0; k < 4; k++)
        if (fork() == 0)
            for (long call = k;; call++) /* so that the server needs pages of its pager again and again */
                if (pwrite(file, text, 8, call / 256 % 25600 * 4096) != 8)
                    _exit(errno == EIO ? 0 : 1);
    nap(20000);
    printf("begun\\n"), fflush(stdout);
    for (int k = 0; k < 4; k++)
        if (wait(&status) < 0 || status != 0)
            return 2;
    if (open("g", O_CREAT | O_RDWR, 0644) != -1 || errno != EIO || pread(file, text, 1, 0) != -1 || errno != EIO)
        return 3;
    if (access("/proc/self/stat", F_OK) != -1 || errno != EIO) /* whose that is, nobody can say */
        return 4;
    if (read(ends[0], text, 8) != 3 || close(file) != 0 || close(file) != -1)
        return 5;
    if (emu_name_server((int)syscall(SYS_gettid), EMU_FILE_SERVER, 0) != 0 || open("g", O_CREAT | O_RDWR, 0644) < 0)
        return 6; /* the machine's own */
    printf("%d arguments\\n", argc);
    return argv[argc] == NULL ? 0 : 7;
}
"""


@pytest.mark.system("cz-15")
@pytest.mark.parametrize("victim", ["server", "pager"])
def test_a_server_or_pager_that_dies_is_an_error_of_its_clients_and_nothing_hangs(tmp_path, seed, victim):
    guest = build_guest(tmp_path, HEAD + DEATH)
    with Output() as output, Machine(2, seed=seed, stdout=output.descriptor, quiet=True) as machine:
        server = machine.start_file_server()
        job = machine.spawn(guest, file_server=server)
        machine._wait_until(lambda: "begun" in output.text())
        pager = next(each for each in machine._jobs._living.values() if each.number == server.number - 1)
        machine.kill(server if victim == "server" else pager)
        report = machine.run(limit_s=60)
        assert (job.exit_status, output.text()) == (0, "begun\n1 arguments\n")
        assert server.wait_status & 0x7F and report.leaks == {}


LONE = """
int main(void) {
    FILE *file = fopen("words", "w+");
    fprintf(file, "a file of its own\\n"), rewind(file);
    char text[40];
    printf("%s", fgets(text, sizeof text, file));
    return 7;
}
"""


@pytest.mark.system("cz-15")
def test_the_command_runs_a_program_on_a_file_server_and_ends_with_the_program(tmp_path):
    guest = build_guest(tmp_path, HEAD + LONE)
    command = [sys.executable, "-m", "tools.run", "--cpus", "2", "--quiet", "--fs", "fs0", guest]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (7, "a file of its own\n", "")


def test_the_command_refuses_a_file_server_that_is_not_there():
    command = [sys.executable, "-m", "tools.run", "--fs", "fs99", "hello"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("emu: fs99: cannot be read") and result.stderr.count("\n") == 1


BEHIND = 1600  # pages: more than an eighth of 32 MB, which is what mmap reads of a file at once
UNREAD = """
int main(void) {
    int file = open("/m/paths", O_RDONLY);
    /* Of a large file only the first part is read when it is mapped; these pages are behind it. */
    const char *mapped = mmap(NULL, (BEHIND + 3) * 4096, PROT_READ, MAP_PRIVATE, file, 0);
    const char *paths = mapped + BEHIND * 4096;
    if (mapped == MAP_FAILED || close(open("/root/there", O_CREAT | O_RDWR, 0644)) != 0)
        return 1;
    if (access(paths, F_OK) != 0) /* the page is brought, and the file server asked */
        return 2;
    if (chdir("/m") != 0 || access("paths", F_OK) != 0)
        return 3; /* relative paths are the machine's now */
    return access(paths + 4096, F_OK) == 0 && access(paths + 8192, F_OK) == 0 ? 0 : 4;
}
"""


@pytest.mark.system("cz-15")
def test_a_path_in_a_page_that_has_not_been_read_yet_says_whose_it_is_once_it_has(tmp_path, seed):
    pages = (b"/root/there", b"/root/there", b"paths")  # the last one is the machine's: relative to a mounted directory
    with open(tmp_path / "paths", "wb") as file:
        file.seek(BEHIND * 4096)
        file.write(b"".join(path.ljust(4096, b"\0") for path in pages))
    guest = build_guest(tmp_path, HEAD + f"enum {{ BEHIND = {BEHIND} }};" + UNREAD)
    status, output, report = run(guest, seed=seed, memory="32M", mounts=[f"{tmp_path}:/m"])
    assert (status, output, report.leaks) == (0, "", {})
