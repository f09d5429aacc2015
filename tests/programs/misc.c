/* Smaller system calls: uname, getrandom, prlimit64, sched_getaffinity, sysconf, getcwd, getcpu, sysinfo, an unknown
 * number, and bad pointers; memory granted to the kernel. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../emu/guests/emu.h"
#include "check.h"

/* cz-10. A child ends without reclaiming, and root alone may grant. */
static void kernel_memory_is_granted_and_reclaimed(void) {
    CHECK(emu_kmem_control(EMU_KMEM_GRANT, 10) == 10);
    CHECK(emu_kmem_control(EMU_KMEM_RECLAIM, 4) == 4);
    CHECK(emu_kmem_control(EMU_KMEM_RECLAIM, 1000) == 6);
    CHECK(emu_kmem_control(EMU_KMEM_GRANT, -1) == -EINVAL && emu_kmem_control(EMU_KMEM_GRANT, 1025) == -EINVAL);
    CHECK(emu_kmem_control(2, 1) == -EINVAL);
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(emu_kmem_control(EMU_KMEM_RECLAIM, 1) == 0 && emu_kmem_control(EMU_KMEM_GRANT, 7) == 7);
        CHECK(setuid(1000) == 0 && emu_kmem_control(EMU_KMEM_GRANT, 1) == -EPERM);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(void) {
    struct utsname name;
    CHECK(uname(&name) == 0 && strcmp(name.sysname, "Linux") == 0 && strcmp(name.machine, "riscv64") == 0);
    CHECK(name.release[0] >= '4' && name.release[0] <= '9');
    CHECK_ERROR(uname((void *)8), EFAULT);

    unsigned char a[32] = {0}, b[32] = {0};
    CHECK(getrandom(a, 32, 0) == 32 && getrandom(b, 32, 0) == 32 && memcmp(a, b, 32) != 0);
    CHECK(getentropy(a, 32) == 0);
    CHECK_ERROR(getrandom(a, 32, 0x1000), EINVAL);
    CHECK_ERROR(getrandom((void *)8, 32, 0), EFAULT);

    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur >= 65536 && limit.rlim_cur <= limit.rlim_max);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= 16);
    CHECK_ERROR(getrlimit(99, &limit), EINVAL);

    cpu_set_t cpus;
    CHECK(sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) >= 1);
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) == CPU_COUNT(&cpus));
    CHECK(sysconf(_SC_PAGESIZE) == 4096 && sysconf(_SC_CLK_TCK) == 100);
    CHECK_ERROR(syscall(SYS_sched_getaffinity, 0, 1L, &cpus), EINVAL); /* not a multiple of 8 bytes */
    int cpu = sched_getcpu();
    CHECK(cpu >= 0 && CPU_ISSET(cpu, &cpus));

    char here[256];
    CHECK(getcwd(here, sizeof here) == here && here[0] == '/');
    CHECK_ERROR(syscall(SYS_getcwd, here, 1L), ERANGE);

    CHECK_ERROR(syscall(9999), ENOSYS);
    CHECK_ERROR(syscall(-1), ENOSYS);
    CHECK(sched_yield() == 0);
    kernel_memory_is_granted_and_reclaimed();
    return ok("misc");
}
