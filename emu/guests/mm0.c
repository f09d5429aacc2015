/* mm0: a pager with VM objects, outside the kernel [cz-14, cz-15]. `emu run --fs fs0` starts it before fs0.
 *
 * A client asks for a window of its address space. Behind the window is a VM object, shared memory of mm0's; where the
 * client touches a page of the window that is not mapped, the kernel sends the fault, and mm0 maps a run of the object's
 * pages there. The object's pages are the client's page cache: it says what is in them.
 *
 * Faults are answered on a thread of their own. The main thread answers requests, and neither waits for a client: so a
 * server that faults while it serves mm0, or while mm0 asks for something, waits for nobody who waits for it.
 *
 * Only a thread that has asked for a window is answered; the windows of all together are at most WINDOW_SHARE of memory. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "emu.h"
#include "mm0.h"

enum { PAGE = 4096, RUN = 64, MOST_CLIENTS = 16, WINDOW_SHARE = 2 };

struct client {
    int tid;
    long address, pages;
    char *object;
};
static struct client clients[MOST_CLIENTS];
static atomic_int nr_clients; /* those below are complete, and do not change */
static atomic_int fault_tid;
static long pages_left;
static struct mm_tasks *tasks;

static struct client *client_of(long tid) {
    for (int k = 0; k < atomic_load(&nr_clients); k++)
        if (clients[k].tid == tid)
            return &clients[k];
    return NULL;
}

/* Map the run of pages around an address: 0, or 1, and the fault is the client's own. */
static long answer_fault(long tid, long address, long cause) {
    struct client *client = client_of(tid);
    if (client == NULL || cause == EMU_FETCHES || address < client->address)
        return 1;
    long first = (address - client->address) / PAGE / RUN * RUN;
    if (first >= client->pages)
        return 1;
    long count = client->pages - first < RUN ? client->pages - first : RUN;
    long where = client->address + first * PAGE;
    return emu_map(client->object + first * PAGE, where, count, PROT_READ | PROT_WRITE, (int)tid) == 0 ? 0 : 1;
}

static void *answer_faults(void *argument) {
    struct emu_message m = {.mr = {0}};
    atomic_store(&fault_tid, (int)syscall(SYS_gettid));
    long from = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
    for (;;) {
        if (from > 0) {
            m.mr[0] = m.bytes == EMU_FAULT ? answer_fault(from, m.mr[0], m.mr[1]) : -EINVAL;
            from = emu_ipc((int)from, EMU_ANYTHREAD, EMU_REPLY, -1, &m);
        } else {
            from = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m); /* the client did not wait for the answer */
        }
    }
    return argument;
}

static void note_task(int tid, int kind) {
    if (tasks->count < MM_MOST_TASKS) {
        tasks->tasks[tasks->count].tid = tid;
        tasks->tasks[tasks->count].kind = kind;
        tasks->count++;
    }
}

static long make_window(int tid, long address, long pages) {
    int n = atomic_load(&nr_clients);
    if (address <= 0 || address % PAGE != 0 || pages <= 0 || pages > pages_left || n == MOST_CLIENTS)
        return -ENOMEM;
    if (client_of(tid) != NULL)
        return -EEXIST;
    char *object = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (object == MAP_FAILED)
        return -ENOMEM;
    pages_left -= pages;
    clients[n] = (struct client){tid, address, pages, object};
    atomic_store(&nr_clients, n + 1);
    note_task(tid, MM_SERVER_TASK);
    return 0;
}

static long answer_request(int tid, const struct emu_message *m) {
    if (m->bytes < 0)
        return -EINVAL; /* a fault, or a call on files, of somebody who takes this thread for another one */
    if (m->mr[0] == MM_PAGER)
        return atomic_load(&fault_tid);
    if (m->mr[0] == MM_WINDOW)
        return make_window(tid, m->mr[1], m->mr[2]);
    if (m->mr[0] == MM_TASKS) {
        long result = emu_map(tasks, m->mr[1], 1, PROT_READ, tid);
        return result < 0 ? result : tasks->count;
    }
    return -ENOSYS;
}

int main(void) {
    struct sysinfo info;
    struct emu_message m = {.mr = {0}};
    pthread_t thread;
    tasks = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tasks == MAP_FAILED || sysinfo(&info) != 0 || pthread_create(&thread, NULL, answer_faults, NULL) != 0) {
        fputs("mm0: cannot start\n", stderr);
        return 1;
    }
    pages_left = (long)(info.totalram * info.mem_unit) / PAGE / WINDOW_SHARE;
    while (atomic_load(&fault_tid) == 0)
        sched_yield();
    note_task((int)syscall(SYS_gettid), MM_PAGER_TASK);
    long from = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
    for (;;) {
        if (from > 0) {
            m.mr[0] = answer_request((int)from, &m);
            from = emu_ipc((int)from, EMU_ANYTHREAD, EMU_REPLY, -1, &m);
        } else {
            from = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
        }
    }
}
