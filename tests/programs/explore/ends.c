/* Every way in which a program can end, by its argument, once it has had a second thread. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "emu_explore.h"

static volatile int flag, served;
static const char *how;

static void *other(void *unused) {
    if (!strcmp(how, "crash"))
        *(volatile int *)8 = 1;
    if (!strcmp(how, "spin"))
        while (!flag) {
        }
    if (!strcmp(how, "assert"))
        emu_assert(flag == 1);
    if (!strcmp(how, "abort"))
        abort();
    if (!strcmp(how, "wait"))
        pause();
    if (!strcmp(how, "file")) { /* the system server's objects change: a file comes and goes, another one grows */
        int file = open("/tmp/kept", O_CREAT | O_APPEND | O_RDWR, 0600);
        if (write(file, "x", 1) != 1)
            abort();
        served = lseek(file, 0, SEEK_END);
        close(file);
    }
    return unused;
}

int main(int argc, char **argv) {
    how = argc > 1 ? argv[1] : "";
    pthread_t thread;
    pthread_create(&thread, 0, other, 0);
    if (!strcmp(how, "leave"))
        pthread_exit(0);
    pthread_join(thread, 0);
    if (!strcmp(how, "file"))
        printf("%d bytes\n", served);
    return !strcmp(how, "three") ? 3 : 0;
}
