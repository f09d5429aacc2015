/* Threads take blocks of a small disk for their inodes: the 26th thread's first block lies behind its end. */
#include "shape.h"
enum { THREADS = 27, BLOCKS = 26, INODES = 32 };
static pthread_mutex_t inode_locks[INODES], block_locks[BLOCKS];
static int inodes[INODES], busy[BLOCKS];
static void *create(void *number) {
    long tid = (long)number; int i = tid % INODES;
    LOCK(inode_locks[i]);
    if (inodes[i] == 0) {
        int b = (i * 2) % BLOCKS;
        for (int tries = 0; tries < BLOCKS; tries++) {
            LOCK(block_locks[b]);
            if (!busy[b]) { busy[b] = 1; inodes[i] = b + 1; UNLOCK(block_locks[b]); break; }
            UNLOCK(block_locks[b]);
            b = (b + 1) % BLOCKS;
        }
        CHECK(inodes[i] != 0); /* 27 threads, 26 blocks */
    }
    UNLOCK(inode_locks[i]);
    return number;
}
int main(void) {
    body all[THREADS];
    for (int n = 0; n < INODES; n++) pthread_mutex_init(&inode_locks[n], 0);
    for (int n = 0; n < BLOCKS; n++) pthread_mutex_init(&block_locks[n], 0);
    for (int n = 0; n < THREADS; n++) all[n] = create;
    together(all, THREADS);
    return 0;
}
