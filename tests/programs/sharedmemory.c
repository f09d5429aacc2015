/* Segments of shared memory (shmget and its family): by key and id, attached where asked or where there is room, kept
 * by fork, gone with the last attachment once removed. True of Linux 6; qemu-riscv64 7.2 takes SHM_REMAP anywhere. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { PAGE = 4096, KEY = 0x3e7a1, SIZE = 5 * PAGE + 100 };

static struct shmid_ds status(int id) {
    struct shmid_ds found;
    CHECK(shmctl(id, IPC_STAT, &found) == 0);
    return found;
}

static char *attach(int id, void *at, int flags) {
    char *found = shmat(id, at, flags);
    CHECK(found != (void *)-1);
    return found;
}

static void check_keys(void) {
    CHECK_ERROR(shmget(KEY, SIZE, 0600), ENOENT);
    CHECK_ERROR(shmget(KEY, 0, IPC_CREAT | 0600), EINVAL);
    int id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
    CHECK(id >= 0 && shmget(KEY, SIZE, 0600) == id && shmget(KEY, 0, 0) == id);
    CHECK_ERROR(shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    CHECK_ERROR(shmget(KEY, SIZE + PAGE, 0600), EINVAL);
    int private = shmget(IPC_PRIVATE, PAGE, 0600);
    CHECK(private >= 0 && private != id && shmctl(private, IPC_RMID, NULL) == 0);
    struct shmid_ds found;
    CHECK_ERROR(shmctl(private, IPC_STAT, &found), EINVAL);
    found = status(id);
    CHECK(found.shm_segsz == SIZE && found.shm_nattch == 0 && found.shm_cpid == getpid() && found.shm_lpid == 0);
    CHECK((found.shm_perm.mode & 0777) == 0600 && found.shm_perm.__key == KEY && found.shm_atime == 0);
    found.shm_perm.mode = 0640;
    CHECK(shmctl(id, IPC_SET, &found) == 0 && (status(id).shm_perm.mode & 0777) == 0640);
    CHECK(shmctl(id, IPC_RMID, NULL) == 0);
    CHECK_ERROR(shmget(KEY, SIZE, 0600), ENOENT);
}

static void check_attaching(void) {
    int id = shmget(KEY, SIZE, IPC_CREAT | 0600);
    char *one = attach(id, NULL, 0), *other = attach(id, NULL, SHM_RDONLY);
    CHECK(one != other && (unsigned long)one % PAGE == 0 && one[0] == 0 && one[5 * PAGE + 99] == 0);
    one[PAGE] = 'x';
    CHECK(other[PAGE] == 'x' && status(id).shm_nattch == 2 && status(id).shm_lpid == getpid());
    CHECK_ERROR(mprotect(other, PAGE, PROT_READ | PROT_WRITE), EACCES);
    CHECK_ERROR((long)shmat(id, one + 100, 0), EINVAL);
    CHECK_ERROR((long)shmat(id, one, 0), EINVAL);
    CHECK_ERROR((long)shmat(id, NULL, SHM_REMAP), EINVAL);
    CHECK_ERROR((long)shmat(-1, NULL, 0), EINVAL);
    char *room = mmap(NULL, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(attach(id, room + PAGE + 5, SHM_RND | SHM_REMAP) == room + PAGE && room[2 * PAGE] == 'x');
    CHECK(shmdt(room + PAGE) == 0 && status(id).shm_nattch == 2);
    CHECK(attach(id, room + PAGE, 0) == room + PAGE && shmdt(room + PAGE) == 0);
    CHECK_ERROR(shmdt(room + PAGE), EINVAL);
    CHECK_ERROR(shmdt(one + PAGE), EINVAL);
    CHECK(shmdt(one) == 0 && other[PAGE] == 'x' && shmdt(other) == 0 && status(id).shm_nattch == 0);
    one = attach(id, NULL, 0);
    CHECK(one[PAGE] == 'x');
    CHECK(munmap(one + PAGE, PAGE) == 0 && mprotect(one + 3 * PAGE, PAGE, PROT_READ) == 0);
    CHECK(shmdt(one) == 0 && status(id).shm_nattch == 0 && munmap(room, PAGE) == 0);
    CHECK(shmctl(id, IPC_RMID, NULL) == 0);
}

static void *raise_words(void *at) {
    for (int k = 0; k < 2000; k++)
        __atomic_add_fetch((int *)at, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void check_sharing(void) {
    int id = shmget(IPC_PRIVATE, SIZE, 0600);
    char *at = attach(id, NULL, 0);
    CHECK(shmctl(id, IPC_RMID, NULL) == 0);
    CHECK(status(id).shm_perm.mode & SHM_DEST);
    pid_t children[3];
    for (int k = 0; k < 3; k++) {
        children[k] = fork();
        CHECK(children[k] >= 0);
        if (children[k] == 0) {
            raise_words(at + 4 * PAGE);
            _Exit(shmdt(at));
        }
    }
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, raise_words, at + 4 * PAGE) == 0);
    for (int k = 0, found; k < 3; k++)
        CHECK(waitpid(children[k], &found, 0) == children[k] && found == 0);
    CHECK(pthread_join(thread, NULL) == 0 && *(int *)(at + 4 * PAGE) == 4 * 2000);
    CHECK(status(id).shm_nattch == 1 && shmdt(at) == 0);
    CHECK_ERROR((long)shmat(id, NULL, 0), EINVAL);
}

int main(void) {
    check_keys();
    check_attaching();
    check_sharing();
    struct shm_info use;
    CHECK(shmctl(0, SHM_INFO, (struct shmid_ds *)&use) >= 0 && use.used_ids >= 0);
    return ok("sharedmemory");
}
