/* What a program has used: getrusage of itself, a thread and children, times, processor-time clocks, wait4. User and
 * system time are apart: a loop costs the one, calls cost the other. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { PAGES = 300, PAGE = 4096, USAGE_BYTES = 144 };
static struct rusage now;

static int64_t us(struct timeval time) { return time.tv_sec * 1000000LL + time.tv_usec; }

static int64_t clock_of(clockid_t clock) {
    struct timespec time;
    CHECK(clock_gettime(clock, &time) == 0);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static struct rusage *used(int who) {
    memset(&now, 0xee, sizeof now);
    CHECK(getrusage(who, &now) == 0);
    CHECK(now.ru_utime.tv_usec >= 0 && now.ru_utime.tv_usec < 1000000 && now.ru_stime.tv_usec < 1000000);
    CHECK(now.ru_majflt == 0 && now.ru_nswap == 0 && now.ru_oublock == 0);
    return &now;
}

static void loop(int rounds) {
    for (volatile int i = 0; i < rounds; i++)
        ;
}

static void user_and_system_time_are_apart(void) {
    struct rusage before = *used(RUSAGE_SELF);
    loop(3000000);
    struct rusage looped = *used(RUSAGE_SELF);
    int64_t user = us(looped.ru_utime) - us(before.ru_utime), system = us(looped.ru_stime) - us(before.ru_stime);
    CHECK(user > 12000); /* 5 instructions or more a round, 500 a microsecond */
    for (int i = 0; i < 20000; i++)
        syscall(SYS_getppid);
    struct rusage called = *used(RUSAGE_SELF);
    int64_t more_system = us(called.ru_stime) - us(looped.ru_stime);
    CHECK(more_system > system && more_system > 20);
    CHECK(us(called.ru_utime) - us(looped.ru_utime) < user);
    for (int i = 0; i < 20; i++)
        CHECK(access("/", F_OK) == 0); /* the system server's work counts too */
    CHECK(us(used(RUSAGE_SELF)->ru_stime) > us(called.ru_stime));

    clockid_t all, user_only = (clockid_t)(~0u << 3 | 1);
    CHECK(clock_getcpuclockid(0, &all) == 0);
    int64_t user_ns = clock_of(user_only), all_ns = clock_of(all);
    CHECK(user_ns / 1000 >= us(called.ru_utime) && all_ns - user_ns >= us(called.ru_stime) * 1000);
    CHECK(clock_of(CLOCK_PROCESS_CPUTIME_ID) >= all_ns);
    CHECK(clock_of(CLOCK_THREAD_CPUTIME_ID) <= clock_of(CLOCK_PROCESS_CPUTIME_ID));

    struct tms ticks;
    clock_t at = times(&ticks);
    CHECK(at != -1 && times(NULL) >= at);
    CHECK(ticks.tms_utime >= us(before.ru_utime) / 10000);
    CHECK(ticks.tms_utime + ticks.tms_stime <= clock_of(CLOCK_PROCESS_CPUTIME_ID) / 10000000);
    CHECK_ERROR(syscall(SYS_times, 8), EFAULT);
    CHECK_ERROR(getrusage(RUSAGE_SELF, (void *)8), EFAULT);
    CHECK_ERROR(getrusage(2, &now), EINVAL);
    CHECK_ERROR(getrusage(-2, &now), EINVAL);
}

static void *in_a_thread(void *rounds) {
    loop((int)(long)rounds);
    struct rusage mine = *used(RUSAGE_THREAD), all = *used(RUSAGE_SELF);
    CHECK(us(mine.ru_utime) >= (long)rounds / 250 && us(mine.ru_utime) < us(all.ru_utime));
    CHECK(mine.ru_maxrss == all.ru_maxrss && mine.ru_maxrss > 0);
    return NULL;
}

/* Threads that leave take nothing with them, and whoever asks meanwhile sees no time twice or not at all. */
static void threads_that_leave_are_counted_once(void) {
    int64_t before = us(used(RUSAGE_SELF)->ru_utime), last = 0;
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, in_a_thread, (void *)20000L) == 0);
        for (int look = 0; look < 40; look++) {
            int64_t all = clock_of(CLOCK_PROCESS_CPUTIME_ID);
            CHECK(all >= last);
            last = all;
        }
        CHECK(pthread_join(thread, NULL) == 0);
    }
    int64_t after = us(used(RUSAGE_SELF)->ru_utime);
    CHECK(after - before >= 20 * 20000 / 250);
}

static void faults_and_memory(void) {
    struct rusage before = *used(RUSAGE_SELF);
    char *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    for (int i = PAGES; i-- > 0;) /* from above: then each page is a fault of its own */
        memory[i * PAGE] = 1;
    struct rusage touched = *used(RUSAGE_SELF);
    CHECK(touched.ru_minflt - before.ru_minflt >= PAGES && touched.ru_minflt - before.ru_minflt < PAGES + 100);
    CHECK(touched.ru_maxrss >= PAGES * PAGE / 1024 && touched.ru_maxrss < 100000);
    CHECK(munmap(memory, PAGES * PAGE) == 0);
    CHECK(used(RUSAGE_SELF)->ru_maxrss >= touched.ru_maxrss); /* the greatest, not the present */
}

static void switches(void) {
    struct rusage before = *used(RUSAGE_THREAD);
    for (int i = 0; i < 10; i++)
        CHECK(nanosleep(&(struct timespec){0, 100000}, NULL) == 0);
    struct rusage slept = *used(RUSAGE_THREAD);
    CHECK(slept.ru_nvcsw - before.ru_nvcsw >= 10 && slept.ru_nivcsw >= before.ru_nivcsw);
}

static void children(void) {
    struct rusage none = *used(RUSAGE_CHILDREN), of_child, of_wait;
    CHECK(us(none.ru_utime) == 0 && us(none.ru_stime) == 0 && none.ru_maxrss == 0 && none.ru_nvcsw == 0);
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(us(used(RUSAGE_SELF)->ru_utime) < 10000); /* nothing of its parent's */
        pid_t grandchild = fork();
        if (grandchild == 0) {
            loop(1000000);
            _exit(0);
        }
        CHECK(waitpid(grandchild, &status, 0) == grandchild && status == 0);
        for (int i = 0; i < 5000; i++)
            syscall(SYS_getppid);
        loop(100000);
        _exit(0);
    }
    siginfo_t info;
    CHECK(syscall(SYS_waitid, P_PID, child, &info, WEXITED | WNOWAIT, &of_child) == 0);
    CHECK(us(used(RUSAGE_CHILDREN)->ru_utime) == 0); /* it has not been waited for */
    CHECK(wait4(child, &status, 0, &of_wait) == child && status == 0);
    CHECK(memcmp(&of_child, &of_wait, USAGE_BYTES) == 0);
    CHECK(us(of_wait.ru_utime) > 4000 && us(of_wait.ru_stime) > 0 && of_wait.ru_minflt > 0 && of_wait.ru_maxrss > 0);
    struct rusage all = *used(RUSAGE_CHILDREN);
    CHECK(memcmp(&all, &of_wait, USAGE_BYTES) == 0);
    struct tms ticks;
    CHECK(times(&ticks) != -1 && ticks.tms_cutime == us(all.ru_utime) / 10000);
}

int main(void) {
    children();
    user_and_system_time_are_apart();
    threads_that_leave_are_counted_once();
    faults_and_memory();
    switches();
    return ok("usage");
}
