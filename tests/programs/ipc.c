/* System V semaphores and message queues: what they do, who waits for what, and each error. */
#define _GNU_SOURCE
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

union argument {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

struct text {
    long type;
    char data[64];
};

static volatile int *shared;

static void pause_ms(long milliseconds) { nanosleep(&(struct timespec){0, milliseconds * 1000000}, NULL); }

static int operate(int set, int number, int change, int flags) {
    struct sembuf operation = {(unsigned short)number, (short)change, (short)flags};
    return semop(set, &operation, 1);
}

static int value_of(int set, int number) { return semctl(set, number, GETVAL); }

static int set_value(int set, int number, int value) { return semctl(set, number, SETVAL, (union argument){.val = value}); }

static void until_waiting(int set, int number, int command, int count) {
    while (semctl(set, number, command) != count)
        pause_ms(1);
}

static int status_of(pid_t child) {
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

/* Until a child that has said so (shared[1]) sleeps. */
static void until_asleep(pid_t child) {
    char path[64], line[256];
    while (!shared[1])
        pause_ms(1);
    snprintf(path, sizeof path, "/proc/%d/stat", child);
    for (shared[1] = 0;; pause_ms(1)) {
        FILE *file = fopen(path, "r");
        CHECK(file != NULL && fgets(line, sizeof line, file) != NULL);
        fclose(file);
        if (strchr(line, ')')[2] == 'S')
            return;
    }
}

static void on_signal(int number) { (void)number; }

static void check_semget(void) {
    key_t key = 0x5e310000 | (getpid() & 0xffff);
    CHECK_ERROR(semget(key, 1, 0), ENOENT);
    CHECK_ERROR(semget(IPC_PRIVATE, 0, 0600), EINVAL);
    CHECK_ERROR(semget(IPC_PRIVATE, -1, 0600), EINVAL);
    int set = semget(key, 3, IPC_CREAT | IPC_EXCL | 0640);
    CHECK(set >= 0 && semget(key, 0, 0) == set && semget(key, 3, IPC_CREAT | 0600) == set);
    CHECK_ERROR(semget(key, 3, IPC_CREAT | IPC_EXCL), EEXIST);
    CHECK_ERROR(semget(key, 4, 0), EINVAL);
    struct semid_ds facts;
    CHECK(semctl(set, 0, IPC_STAT, (union argument){.buf = &facts}) == 0);
    CHECK(facts.sem_nsems == 3 && facts.sem_perm.__key == key && (facts.sem_perm.mode & 0777) == 0640 && facts.sem_otime == 0);
    facts.sem_perm.mode = 0600;
    CHECK(semctl(set, 0, IPC_SET, (union argument){.buf = &facts}) == 0);
    CHECK(semctl(set, 0, IPC_STAT, (union argument){.buf = &facts}) == 0 && (facts.sem_perm.mode & 0777) == 0600);
    CHECK(semctl(set, 0, IPC_RMID) == 0);
    CHECK_ERROR(semctl(set, 0, IPC_RMID), EINVAL);
    CHECK_ERROR(semget(key, 3, 0), ENOENT);
    CHECK_ERROR(value_of(set, 0), EINVAL);
}

static void check_operations(int set) {
    struct sembuf two[2] = {{0, -1, 0}, {1, 1, 0}}, many[501];
    unsigned short values[3] = {1, 2, 3}, found[3];
    CHECK(semctl(set, 0, SETALL, (union argument){.array = values}) == 0);
    CHECK(semctl(set, 0, GETALL, (union argument){.array = found}) == 0 && !memcmp(values, found, sizeof found));
    CHECK(semop(set, two, 2) == 0 && value_of(set, 0) == 0 && value_of(set, 1) == 3);
    CHECK(semctl(set, 0, GETPID) == getpid() && semctl(set, 0, GETNCNT) == 0 && semctl(set, 0, GETZCNT) == 0);
    two[1] = (struct sembuf){2, -4, IPC_NOWAIT}; /* not to be had: the first is not done either */
    two[0].sem_op = 5;
    CHECK_ERROR(semop(set, two, 2), EAGAIN);
    CHECK(value_of(set, 0) == 0 && value_of(set, 2) == 3);
    CHECK(operate(set, 0, 0, 0) == 0);
    CHECK_ERROR(operate(set, 2, 0, IPC_NOWAIT), EAGAIN);
    CHECK_ERROR(operate(set, 3, 1, 0), EFBIG);
    CHECK_ERROR(operate(set, 1, 32767, 0), ERANGE);
    CHECK_ERROR(set_value(set, 0, 32768), ERANGE);
    CHECK_ERROR(set_value(set, 0, -1), ERANGE);
    CHECK_ERROR(set_value(set, 3, 1), EINVAL);
    CHECK_ERROR(set_value(set, -1, 1), EINVAL);
    CHECK_ERROR(semop(set, two, 0), EINVAL);
    CHECK_ERROR(semop(set, many, 501), E2BIG);
    CHECK_ERROR(semop(-1, two, 1), EINVAL);
    CHECK_ERROR(semop(set, (void *)8, 1), EFAULT);
    CHECK_ERROR(semctl(set, 0, 77), EINVAL);
    struct timespec bad = {0, -1}, little = {0, 10000000};
    CHECK_ERROR(semtimedop(set, (struct sembuf[]){{0, -1, 0}}, 1, &bad), EINVAL);
    CHECK_ERROR(semtimedop(set, (struct sembuf[]){{0, -1, 0}}, 1, &little), EAGAIN);
    CHECK(semctl(set, 0, GETNCNT) == 0);
}

static void check_waits(int set) {
    CHECK(set_value(set, 0, 0) == 0 && set_value(set, 1, 1) == 0);
    pid_t child = fork();
    if (child == 0)
        _exit(operate(set, 0, -2, 0) != 0 || operate(set, 1, 0, 0) != 0);
    until_waiting(set, 0, GETNCNT, 1);
    CHECK(operate(set, 0, 1, 0) == 0);
    pause_ms(5);
    CHECK(semctl(set, 0, GETNCNT) == 1 && value_of(set, 0) == 1);
    CHECK(operate(set, 0, 1, 0) == 0);
    until_waiting(set, 1, GETZCNT, 1);
    CHECK(set_value(set, 1, 0) == 0 && status_of(child) == 0 && value_of(set, 0) == 0);

    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}; /* and yet it is not restarted */
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    child = fork();
    if (child == 0)
        _exit(operate(set, 0, -1, 0) != -1 || errno != EINTR);
    until_waiting(set, 0, GETNCNT, 1);
    CHECK(kill(child, SIGUSR1) == 0 && status_of(child) == 0);
    child = fork();
    if (child == 0)
        pause_ms(1), _exit(operate(set, 0, -1, 0));
    until_waiting(set, 0, GETNCNT, 1);
    CHECK(kill(child, SIGKILL) == 0 && WIFSIGNALED(status_of(child)) && semctl(set, 0, GETNCNT) == 0);
}

static void check_undo(int set) {
    CHECK(set_value(set, 0, 5) == 0 && set_value(set, 1, 0) == 0);
    for (int k = 0; k < 8; k++) {
        pid_t child = fork();
        if (child == 0) {
            if (operate(set, 0, -3, SEM_UNDO) || operate(set, 1, 2, SEM_UNDO) || operate(set, 1, 1, 0) || operate(set, 1, -1, 0))
                _exit(1);
            if (k & 1)
                raise(SIGKILL);
            _exit(value_of(set, 0) != 2 || value_of(set, 1) != 2);
        }
        int status = status_of(child);
        CHECK(k & 1 ? WIFSIGNALED(status) : status == 0);
        CHECK(value_of(set, 0) == 5 && value_of(set, 1) == 0 && semctl(set, 0, GETPID) == child);
    }
    pid_t child = fork();
    if (child == 0)
        _exit(operate(set, 0, -1, SEM_UNDO) || set_value(set, 0, 7)); /* SETVAL forgets the undo */
    CHECK(status_of(child) == 0 && value_of(set, 0) == 7);
}

static void check_contention(int set) {
    enum { CHILDREN = 4, ROUNDS = 40 };
    pid_t children[CHILDREN];
    shared[0] = 0;
    CHECK(set_value(set, 2, 1) == 0);
    for (int k = 0; k < CHILDREN; k++) {
        children[k] = fork();
        if (children[k] == 0) {
            for (int n = 0; n < ROUNDS; n++) {
                if (operate(set, 2, -1, SEM_UNDO))
                    _exit(1);
                int seen = shared[0];
                if (n % 8 == 0)
                    pause_ms(1);
                shared[0] = seen + 1;
                if (operate(set, 2, 1, SEM_UNDO))
                    _exit(1);
            }
            _exit(0);
        }
    }
    for (int k = 0; k < CHILDREN; k++)
        CHECK(status_of(children[k]) == 0);
    CHECK(shared[0] == CHILDREN * ROUNDS && value_of(set, 2) == 1);
}

static void check_removal(int set) {
    CHECK(set_value(set, 0, 0) == 0);
    pid_t child = fork();
    if (child == 0)
        _exit(operate(set, 0, -1, 0) != -1 || errno != EIDRM);
    until_waiting(set, 0, GETNCNT, 1);
    CHECK(semctl(set, 0, IPC_RMID) == 0 && status_of(child) == 0);
}

static long receive(int queue, struct text *text, size_t most, long type, int flags) {
    memset(text, 0, sizeof *text);
    return msgrcv(queue, text, most, type, flags);
}

static void send_text(int queue, long type, const char *data) {
    struct text text = {type, ""};
    strcpy(text.data, data);
    CHECK(msgsnd(queue, &text, strlen(data), 0) == 0);
}

static void check_order(int queue) {
    struct text text;
    const long types[] = {3, 1, 2, 1, 5};
    char name[2] = "a";
    for (int k = 0; k < 5; k++, name[0]++)
        send_text(queue, types[k], name);
    struct msqid_ds facts;
    CHECK(msgctl(queue, IPC_STAT, &facts) == 0 && facts.msg_qnum == 5 && facts.msg_lspid == getpid() && facts.msg_lrpid == 0);
    CHECK(facts.msg_qbytes == 16384 && facts.msg_stime != 0 && facts.msg_rtime == 0);
    CHECK(receive(queue, &text, 64, 1, 0) == 1 && text.type == 1 && text.data[0] == 'b');
    CHECK(receive(queue, &text, 64, -2, 0) == 1 && text.type == 1 && text.data[0] == 'd');
    CHECK(receive(queue, &text, 64, 3, MSG_EXCEPT) == 1 && text.type == 2 && text.data[0] == 'c');
    CHECK(receive(queue, &text, 64, 0, 0) == 1 && text.type == 3 && text.data[0] == 'a');
    CHECK_ERROR(receive(queue, &text, 64, -4, IPC_NOWAIT), ENOMSG);
    CHECK(receive(queue, &text, 64, LONG_MIN, 0) == 1 && text.data[0] == 'e');
    CHECK_ERROR(receive(queue, &text, 64, 0, IPC_NOWAIT), ENOMSG);
}

static void check_sizes(int queue) {
    struct text text;
    static struct { long type; char data[8193]; } large = {1, ""};
    send_text(queue, 1, "0123456789");
    CHECK_ERROR(receive(queue, &text, 4, 0, 0), E2BIG);
    CHECK(receive(queue, &text, 4, 0, MSG_NOERROR) == 4 && !memcmp(text.data, "0123\0", 5));
    CHECK_ERROR(receive(queue, &text, 4, 0, IPC_NOWAIT), ENOMSG); /* the rest is gone */
    send_text(queue, 7, "");
    CHECK(receive(queue, &text, 0, 7, 0) == 0 && text.type == 7);
    CHECK_ERROR(msgsnd(queue, &large, 8193, 0), EINVAL);
    CHECK_ERROR(msgsnd(queue, &large, -1, 0), EINVAL);
    large.type = 0;
    CHECK_ERROR(msgsnd(queue, &large, 1, 0), EINVAL);
    large.type = 1;
    CHECK_ERROR(msgsnd(-1, &large, 1, 0), EINVAL);
    CHECK_ERROR(msgrcv(queue, &text, -1, 0, 0), EINVAL);
    CHECK_ERROR(msgsnd(queue, (void *)8, 1, 0), EFAULT);
    CHECK(msgsnd(queue, &large, 8192, IPC_NOWAIT) == 0 && msgsnd(queue, &large, 8192, IPC_NOWAIT) == 0);
    CHECK_ERROR(msgsnd(queue, &large, 1, IPC_NOWAIT), EAGAIN); /* full */
    pid_t child = fork();
    if (child == 0) {
        large.type = 9;
        shared[1] = 1;
        _exit(msgsnd(queue, &large, 100, 0) != 0);
    }
    until_asleep(child);
    CHECK(msgrcv(queue, &large, 8192, 1, 0) == 8192 && status_of(child) == 0);
    CHECK(msgrcv(queue, &large, 8192, 1, 0) == 8192 && msgrcv(queue, &large, 8192, 9, 0) == 100 && large.type == 9);
}

static void check_messages(void) {
    struct text text;
    memset(&text, 0, sizeof text);
    key_t key = 0x3e550000 | (getpid() & 0xffff);
    CHECK_ERROR(msgget(key, 0), ENOENT);
    int queue = msgget(key, IPC_CREAT | IPC_EXCL | 0600);
    CHECK(queue >= 0 && msgget(key, 0600) == queue);
    CHECK_ERROR(msgget(key, IPC_CREAT | IPC_EXCL), EEXIST);
    check_order(queue);
    check_sizes(queue);
    pid_t child = fork();
    if (child == 0) {
        for (int k = 1; k <= 50; k++)
            if (receive(queue, &text, 64, k, 0) != 2)
                _exit(1);
        shared[1] = 1;
        _exit(msgrcv(queue, &text, 64, 0, 0) != -1 || errno != EIDRM);
    }
    for (int k = 50; k >= 1; k--)
        send_text(queue, k, "xy");
    struct msqid_ds facts;
    do
        CHECK(msgctl(queue, IPC_STAT, &facts) == 0);
    while (facts.msg_qnum != 0);
    until_asleep(child);
    CHECK(facts.msg_lrpid == child && msgctl(queue, IPC_RMID, NULL) == 0 && status_of(child) == 0);
    CHECK_ERROR(msgctl(queue, IPC_RMID, NULL), EINVAL);
    CHECK_ERROR(msgsnd(queue, &text, 1, 0), EINVAL);
}

static void check_permissions(int set) {
    pid_t child = fork();
    if (child == 0) {
        CHECK(setgid(77) == 0 && setuid(77) == 0);
        CHECK_ERROR(operate(set, 0, 1, 0), EACCES);
        CHECK_ERROR(value_of(set, 0), EACCES);
        CHECK_ERROR(semctl(set, 0, IPC_RMID), EPERM);
        _exit(0);
    }
    CHECK(status_of(child) == 0);
}

int main(void) {
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    check_semget();
    int set = semget(IPC_PRIVATE, 3, 0600);
    CHECK(set >= 0);
    check_operations(set);
    check_waits(set);
    check_undo(set);
    check_contention(set);
    if (geteuid() == 0)
        check_permissions(set);
    check_removal(set);
    check_messages();
    return ok("ipc");
}
