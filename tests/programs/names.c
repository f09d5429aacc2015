/* Names of threads: each its own, inherited from the creator, 15 bytes at most, in prctl and in /proc/self/task. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "check.h"

static sem_t go;
static pid_t tids[2];

static const char *name_of(pid_t tid) {
    static char text[64];
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", tid);
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    ssize_t n = read(fd, text, sizeof text - 1);
    CHECK(n > 0 && text[n - 1] == '\n' && close(fd) == 0);
    text[n - 1] = 0;
    return text;
}

static void *worker(void *argument) {
    char name[16] = "";
    CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "creator") == 0); /* its creator's */
    if (argument != NULL)
        CHECK(prctl(PR_SET_NAME, "a name of far too many bytes") == 0);
    tids[argument != NULL] = gettid();
    CHECK(sem_post(&go) == 0);
    pause();
    return NULL;
}

int main(void) {
    pthread_t threads[2];
    char name[16];
    CHECK(strcmp(name_of(getpid()), "names.elf") == 0);
    CHECK(prctl(PR_SET_NAME, "creator") == 0 && strcmp(name_of(getpid()), "creator") == 0);
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, worker, i == 0 ? NULL : &go) == 0);
        CHECK(sem_wait(&go) == 0);
    }
    CHECK(strcmp(name_of(tids[0]), "creator") == 0);
    CHECK(strcmp(name_of(tids[1]), "a name of far t") == 0);
    CHECK(pthread_setname_np(threads[0], "other") == 0 && strcmp(name_of(tids[0]), "other") == 0);
    CHECK(pthread_getname_np(threads[1], name, sizeof name) == 0 && strcmp(name, "a name of far t") == 0);
    CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "creator") == 0);
    CHECK_ERROR(open("/proc/self/task/99999999/comm", O_RDONLY), ENOENT);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_cancel(threads[i]) == 0 && pthread_join(threads[i], NULL) == 0);
    return ok("names");
}
