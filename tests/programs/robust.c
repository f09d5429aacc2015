/* Thread identities and robust lists: pid and tid relations, set_tid_address, set_robust_list, and a robust mutex whose
 * owner died. qemu-riscv64 7.2 fails it: it has no set_robust_list, so it cannot tell of the dead owner. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

static pid_t main_pid;
static pthread_mutex_t robust;

static void *look(void *argument) {
    pid_t *tid = argument;
    CHECK(getpid() == main_pid);
    CHECK(gettid() != main_pid);
    CHECK(syscall(SYS_gettid) == gettid());
    *tid = gettid();
    return NULL;
}

static void *die_with_lock(void *unused) {
    (void)unused;
    CHECK(pthread_mutex_lock(&robust) == 0);
    return NULL;
}

int main(void) {
    pthread_t id;
    pid_t first, second;
    main_pid = getpid();
    CHECK(main_pid > 0 && gettid() == main_pid && getppid() >= 0 && getppid() != main_pid);
    CHECK(pthread_create(&id, NULL, look, &first) == 0 && pthread_join(id, NULL) == 0);
    CHECK(pthread_create(&id, NULL, look, &second) == 0 && pthread_join(id, NULL) == 0);
    CHECK(first > 0 && second > 0 && first != main_pid);
    CHECK(getuid() == geteuid() && getgid() == getegid());

    int *volatile cleared = calloc(1, sizeof(int));
    CHECK(syscall(SYS_set_tid_address, cleared) == main_pid);

    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    CHECK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0);
    CHECK(pthread_mutex_init(&robust, &attributes) == 0);
    CHECK(pthread_create(&id, NULL, die_with_lock, NULL) == 0 && pthread_join(id, NULL) == 0);
    CHECK(pthread_mutex_lock(&robust) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&robust) == 0);
    CHECK(pthread_mutex_unlock(&robust) == 0);
    CHECK(pthread_mutex_lock(&robust) == 0 && pthread_mutex_unlock(&robust) == 0);

    static struct robust_list_head head = {{&head.list}, 0, NULL};
    CHECK_ERROR(syscall(SYS_set_robust_list, &head, sizeof head - 1), EINVAL);
    CHECK(syscall(SYS_set_robust_list, &head, sizeof head) == 0);
    return ok("robust");
}
