/* Interval timers, POSIX timers, and timers behind descriptors: they expire, not too early, as often as they should. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define MS 1000000L

static volatile sig_atomic_t count, last_value, last_code;
static volatile long taker;

static void note(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    taker = syscall(SYS_gettid);
    last_code = info->si_code;
    last_value = info->si_value.sival_int;
    count++;  /* last: others wait for it */
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct itimerspec after(long first_ns, long interval_ns) {
    return (struct itimerspec){.it_value = {first_ns / 1000000000, first_ns % 1000000000},
                               .it_interval = {interval_ns / 1000000000, interval_ns % 1000000000}};
}

static void wait_for(int wanted) {
    sigset_t all, none, before;
    sigfillset(&all), sigemptyset(&none);
    sigprocmask(SIG_BLOCK, &all, &before); /* or the signal may come between the look and the sleep */
    while (count < wanted) sigsuspend(&none);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void interval_timer(void) {
    struct itimerval value = {.it_value = {0, 5000}, .it_interval = {0, 2000}}, old;
    int64_t begin = now();
    count = 0;
    CHECK(setitimer(ITIMER_REAL, &value, NULL) == 0);
    wait_for(3);
    CHECK(now() - begin >= 9 * MS && last_code == SI_KERNEL);
    struct itimerval off = {0};
    CHECK(setitimer(ITIMER_REAL, &off, &old) == 0 && old.it_interval.tv_usec == 2000);
    CHECK(getitimer(ITIMER_REAL, &old) == 0 && old.it_value.tv_sec == 0 && old.it_value.tv_usec == 0);
    CHECK(alarm(100) == 0 && alarm(0) == 100);
    struct itimerval bad = {.it_value = {0, 1000000}};
    CHECK_ERROR(setitimer(ITIMER_REAL, &bad, NULL), EINVAL);
    CHECK_ERROR(setitimer(7, &off, NULL), EINVAL);
    count = 0;
    CHECK(setitimer(ITIMER_REAL, &value, NULL) == 0);
    pid_t pid = fork();  /* a child has no timers */
    if (pid == 0) {
        CHECK(getitimer(ITIMER_REAL, &old) == 0 && old.it_value.tv_usec == 0);
        _exit(0);
    }
    int status;
    while (waitpid(pid, &status, 0) < 0) CHECK(errno == EINTR);
    CHECK(status == 0 && setitimer(ITIMER_REAL, &off, NULL) == 0);
}

static void posix_timers(void) {
    timer_t timer, second;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 4711};
    struct itimerspec value = after(50000 * MS, 0), found;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_create(CLOCK_REALTIME, NULL, &second) == 0 && second != timer);
    count = 0;
    int64_t begin = now();
    CHECK(timer_settime(timer, 0, &value, NULL) == 0);
    CHECK(timer_gettime(timer, &found) == 0 && found.it_value.tv_sec > 30 && found.it_value.tv_sec <= 50);
    value = after(3 * MS, 0);
    CHECK(timer_settime(timer, 0, &value, NULL) == 0);
    wait_for(1);
    CHECK(now() - begin >= 3 * MS && last_code == SI_TIMER && last_value == 4711);
    CHECK(timer_gettime(timer, &found) == 0 && found.it_value.tv_sec == 0 && found.it_value.tv_nsec == 0);

    struct timespec at;  /* an absolute time that has passed */
    clock_gettime(CLOCK_REALTIME, &at);
    value = after(0, 0);
    value.it_value = at;
    count = 0;
    CHECK(timer_settime(second, TIMER_ABSTIME, &value, NULL) == 0);
    wait_for(1);

    value = after(50000 * MS, 0);  /* disarmed before it expires, then deleted while armed */
    CHECK(timer_settime(timer, 0, &value, NULL) == 0);
    CHECK(timer_settime(timer, 0, &value, &found) == 0 && found.it_value.tv_sec > 40);
    CHECK(timer_delete(timer) == 0 && timer_delete(second) == 0);
    CHECK_ERROR(syscall(SYS_timer_gettime, 5, &found), EINVAL);
    CHECK_ERROR(syscall(SYS_timer_delete, 0), EINVAL);
    CHECK_ERROR(timer_create(99, NULL, &timer), EINVAL);
    event.sigev_notify = 77;
    CHECK_ERROR(timer_create(CLOCK_MONOTONIC, &event, &timer), EINVAL);
}

static void overrun(void) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec value = after(MS, MS);
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &blocked, &before) == 0);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &value, NULL) == 0);
    struct timespec t = {0, 20 * MS};
    nanosleep(&t, NULL);
    int missed = timer_getoverrun(timer);
    CHECK(missed >= 5);
    count = 0;
    value = after(0, 0);
    CHECK(timer_settime(timer, 0, &value, NULL) == 0);
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
    CHECK(count == 1);
    CHECK(timer_delete(timer) == 0);
}

static volatile int stop;

static void *member(void *tid) {
    *(volatile long *)tid = syscall(SYS_gettid);
    while (!stop) {
        struct timespec t = {0, MS};
        nanosleep(&t, NULL);
    }
    return NULL;
}

static void thread_timer(void) {
    volatile long tid = 0;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, member, (void *)&tid) == 0);
    while (!tid) sched_yield();
    struct {
        union sigval value;
        int signo, notify, tid, pad[11];
    } event = {.signo = SIGUSR2, .notify = 4, .tid = (int)tid};
    int timer;
    struct itimerspec value = after(MS, 0);
    count = 0;
    CHECK(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(syscall(SYS_timer_settime, timer, 0, &value, NULL) == 0);
    while (!count) sched_yield();
    CHECK(taker == tid);
    stop = 1;
    CHECK(pthread_join(thread, NULL) == 0 && syscall(SYS_timer_delete, timer) == 0);
    event.tid = (int)tid;
    CHECK_ERROR(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), EINVAL);
}

static void descriptors(void) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    uint64_t expired;
    CHECK(fd >= 0);
    CHECK_ERROR(read(fd, &expired, 8), EAGAIN);
    struct itimerspec value = after(2 * MS, MS), found;
    int64_t begin = now();
    CHECK(timerfd_settime(fd, 0, &value, NULL) == 0 && timerfd_gettime(fd, &found) == 0);
    CHECK(found.it_interval.tv_nsec == MS);
    int set = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 99}, ready;
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
    CHECK(epoll_wait(set, &ready, 1, -1) == 1 && ready.data.u64 == 99 && now() - begin >= 2 * MS);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    CHECK(poll(&poll_fd, 1, -1) == 1);
    CHECK_ERROR(read(fd, &expired, 4), EINVAL);
    CHECK(read(fd, &expired, 8) == 8 && expired >= 1);
    CHECK_ERROR(epoll_wait(fd, &ready, 1, 0), EINVAL);
    CHECK_ERROR(timerfd_settime(set, 0, &value, NULL), EINVAL);
    value = after(0, 0);
    CHECK(timerfd_settime(fd, 0, &value, NULL) == 0);
    CHECK(epoll_wait(set, &ready, 1, 3) == 0);

    int blocking = timerfd_create(CLOCK_REALTIME, 0);
    value = after(MS, 0);
    begin = now();
    CHECK(timerfd_settime(blocking, 0, &value, NULL) == 0);
    pid_t pid = fork();  /* a child shares it, and outlives who made it */
    if (pid == 0) {
        CHECK(read(blocking, &expired, 8) == 8 && expired == 1);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0 && now() - begin >= MS);
    close(fd);
    CHECK(epoll_wait(set, &ready, 1, 0) == 0);
    close(set);
    close(blocking);
}

static int64_t time_of(clockid_t clock) {
    struct timespec t;
    CHECK(clock_gettime(clock, &t) == 0);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *use_time(void *unused) { /* until a signal comes */
    while (!count)
        ;
    return unused;
}

static void by_processor_time(void) {
    struct itimerval value = {.it_value = {0, 20000}, .it_interval = {0, 20000}}, old, off = {0};
    const int which[] = {ITIMER_VIRTUAL, ITIMER_PROF};
    for (int k = 0; k < 2; k++) {
        count = 0;
        int64_t begin = time_of(CLOCK_PROCESS_CPUTIME_ID);
        CHECK(setitimer(which[k], &value, NULL) == 0);
        CHECK(getitimer(which[k], &old) == 0 && old.it_value.tv_usec > 0 && old.it_value.tv_usec <= 30000);
        while (count < 2)
            ;
        CHECK(time_of(CLOCK_PROCESS_CPUTIME_ID) - begin >= 40 * MS && last_code == SI_KERNEL);
        CHECK(setitimer(which[k], &off, &old) == 0 && old.it_interval.tv_usec == 20000);
        count = 0;
        CHECK(setitimer(which[k], &value, NULL) == 0); /* sleeping uses nothing */
        nanosleep(&(struct timespec){0, 40 * MS}, NULL);
        CHECK(count == 0 && setitimer(which[k], &off, NULL) == 0);
    }
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 12};
    const clockid_t clocks[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    for (int k = 0; k < 2; k++) {
        struct itimerspec setting = after(10 * MS, 0), left;
        count = 0;
        CHECK(timer_create(clocks[k], &event, &timer) == 0);
        int64_t begin = time_of(clocks[k]);
        CHECK(timer_settime(timer, 0, &setting, NULL) == 0 && timer_gettime(timer, &left) == 0);
        CHECK(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 20 * MS);
        use_time(NULL);
        CHECK(time_of(clocks[k]) - begin >= 10 * MS && last_code == SI_TIMER && last_value == 12);
        count = 0;
        setting = after(begin, 0); /* long past */
        CHECK(timer_settime(timer, TIMER_ABSTIME, &setting, NULL) == 0);
        use_time(NULL);
        CHECK(timer_delete(timer) == 0);
    }
    count = 0; /* another thread's time counts for the process, and its own clock is known by its id */
    pthread_t id;
    clockid_t clock;
    struct itimerspec setting = after(10 * MS, 0);
    CHECK(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0 && timer_settime(timer, 0, &setting, NULL) == 0);
    CHECK(pthread_create(&id, NULL, use_time, NULL) == 0 && pthread_getcpuclockid(id, &clock) == 0);
    while (!count)
        nanosleep(&(struct timespec){0, MS}, NULL);
    CHECK(pthread_join(id, NULL) == 0 && timer_delete(timer) == 0);
    CHECK_ERROR(timer_create(clock, &event, &timer), EINVAL); /* it has left */
    CHECK_ERROR(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);

    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            ;
    CHECK(clock_getcpuclockid(pid, &clock) == 0);
    int64_t begin = time_of(clock);
    struct timespec until = {0, 5 * MS};
    CHECK(clock_nanosleep(clock, 0, &until, NULL) == 0 && time_of(clock) - begin >= 5 * MS);
    int status;
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
    CHECK(clock_gettime(clock, &until) == -1 && errno == EINVAL);
}

int main(void) {
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGRTMIN, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    sigaction(SIGVTALRM, &action, NULL);
    sigaction(SIGPROF, &action, NULL);
    interval_timer();
    posix_timers();
    overrun();
    thread_timer();
    descriptors();
    by_processor_time();
    return ok("timers");
}
