/* fs0: a file server outside the kernel [cz-15]. `emu run --fs fs0 PROGRAM` starts it, and mm0 before it. Its arguments are
 * mm0's tid, and the paths where directories of the host are mounted, which are the machine's. The files are in memory, in
 * pages that mm0 maps into fs0's window.
 *
 * One thread serves all clients, one message after the other, and waits for none of them: it answers with EMU_REPLY. What
 * a client may be is told by the kernel: a call on files is a message that no thread can send (emu_servers.h), with fs0's
 * own handles in it. All other messages are refused. Before a message is looked at, the files that nobody has open any more
 * are closed.
 *
 * A client that is gone when its openat is answered has no descriptor: the file is closed again. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs0_paths.h"
#include "mm0.h"

enum { WINDOW_SHARE = 4, MOST_PAGES = 1 << 22 };
#define TASKS 0x2700000000L /* where mm0's struct mm_tasks is mapped */

static const struct mm_tasks *tasks = (const struct mm_tasks *)TASKS;

/* --- calls about open files --------------------------------------------------------------------------------------- */

/* How read and write move bytes: at the file's offset, which moves on, or at one that is given. */
static long move(int tid, struct open_file *file, long flags, int writes, long *at, long address, long size) {
    struct vnode *node = file->node;
    if ((flags & O_PATH) || (writes ? (flags & O_ACCMODE) == O_RDONLY : (flags & O_ACCMODE) == O_WRONLY))
        return -EBADF;
    if (is_directory(node))
        return -EISDIR;
    if (size < 0)
        return -EINVAL;
    if (writes && (flags & O_APPEND))
        *at = node->size;
    long done = writes ? write_file(tid, node, *at, address, size) : read_file(tid, node, *at, address, size);
    if (done > 0)
        *at += done;
    return done;
}

static long move_segments(int tid, struct open_file *file, long flags, int writes, long *at, long address, long count) {
    static struct iovec segments[MOST_SEGMENTS];
    long done = 0, total = 0;
    if (count < 0 || count > MOST_SEGMENTS)
        return -EINVAL;
    if (take(tid, address, segments, count * sizeof *segments) < 0)
        return -EFAULT;
    for (long k = 0; k < count; k++) {
        long size = (long)segments[k].iov_len;
        if (size < 0 || total > 0x7FFFFFFFFFFFF000L - size)
            return -EINVAL;
        total += size;
    }
    if (count == 0)
        return move(tid, file, flags, writes, at, 0, 0);
    for (long k = 0; k < count; k++) {
        long size = (long)segments[k].iov_len, moved = move(tid, file, flags, writes, at, (long)segments[k].iov_base, size);
        if (moved < 0)
            return done > 0 ? done : moved;
        done += moved;
        if (moved < size)
            break;
    }
    return done;
}

static long seek(struct open_file *file, long offset, long whence) {
    long size = file->node->size, at = offset, data_end = size;
    switch (whence) {
    case SEEK_SET: break;
    case SEEK_CUR: at = file->offset; break;
    case SEEK_END: at = is_directory(file->node) ? 0 : size; break;
    case SEEK_DATA:
    case SEEK_HOLE: /* all of a file is data, up to its end */
        if (offset < 0 || offset >= size)
            return -ENXIO;
        at = whence == SEEK_DATA ? offset : data_end;
        break;
    default: return -EINVAL;
    }
    if ((whence == SEEK_CUR || whence == SEEK_END) && __builtin_add_overflow(at, offset, &at))
        return -EOVERFLOW;
    return at < 0 ? -EINVAL : (file->offset = at);
}

static long resize(struct vnode *node, long flags, long size) {
    if (is_directory(node) || (flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH))
        return -EINVAL;
    return set_size(node, size);
}

static long allocate(struct vnode *node, long flags, long mode, long offset, long size) {
    long end;
    if (offset < 0 || size <= 0)
        return -EINVAL;
    if ((flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (mode != 0 || is_directory(node))
        return -EOPNOTSUPP;
    if (__builtin_add_overflow(offset, size, &end) || end > nr_pages * PAGE)
        return -EFBIG;
    for (long index = offset / PAGE; index <= (end - 1) / PAGE; index++)
        if (need_page(&node->pages, index) == 0)
            return -ENOSPC;
    return end > node->size ? set_size(node, end) : 0;
}

static long call_on_file(int tid, long number, const long *a) {
    struct open_file *file = file_of(a[0]);
    if (file == NULL)
        return -EBADF;
    struct vnode *node = file->node;
    long flags = a[5], at = a[3];
    if (at < 0 && (number == SYS_pread64 || number == SYS_pwrite64 || number == SYS_preadv || number == SYS_pwritev))
        return -EINVAL;
    switch (number) {
    case SYS_read: return move(tid, file, flags, 0, &file->offset, a[1], a[2]);
    case SYS_write: return move(tid, file, flags, 1, &file->offset, a[1], a[2]);
    case SYS_pread64: return move(tid, file, flags, 0, &at, a[1], a[2]);
    case SYS_pwrite64: return move(tid, file, flags, 1, &at, a[1], a[2]);
    case SYS_readv: return move_segments(tid, file, flags, 0, &file->offset, a[1], (int)a[2]);
    case SYS_writev: return move_segments(tid, file, flags, 1, &file->offset, a[1], (int)a[2]);
    case SYS_preadv: return move_segments(tid, file, flags, 0, &at, a[1], (int)a[2]);
    case SYS_pwritev: return move_segments(tid, file, flags, 1, &at, a[1], (int)a[2]);
    case SYS_lseek: return flags & O_PATH ? -EBADF : seek(file, a[1], (int)a[2]);
    case SYS_fstat: return give_status(tid, node, a[1]);
    case SYS_getdents64: return list_directory(tid, node, &file->offset, a[1], a[2] & 0xFFFFFFFF);
    case SYS_ftruncate: return resize(node, flags, a[1]);
    case SYS_fallocate: return allocate(node, flags, (int)a[1], a[2], a[3]);
    case SYS_fchmod: return set_mode(node, a[1]);
    case SYS_fchown: return set_owner(node, a[1], a[2]);
    case SYS_fstatfs: return give_room(tid, a[1]);
    case SYS_fsync:
    case SYS_fdatasync:
    case SYS_sync_file_range:
    case SYS_fadvise64: return 0;
    case SYS_ioctl: return -ENOTTY;
    case SYS_fchdir: return is_directory(node) ? 0 : -ENOTDIR;
    case SYS_flock: return -EOPNOTSUPP;
    }
    return -ENOSYS;
}

static long answer(int tid, const struct emu_message *m) {
    long number = emu_call_number(m);
    if (m->bytes > EMU_FIRST_CALL)
        return -EINVAL; /* what any thread may send, or a fault */
    switch (number) {
    case SYS_getcwd: return give_path(tid, directory_of(m->mr[2]), m->mr[0], m->mr[1]);
    case SYS_statx: return -ENOSYS; /* C libraries ask for the status in the other way then */
    case SYS_openat: case SYS_mkdirat: case SYS_unlinkat: case SYS_faccessat: case SYS_faccessat2: case SYS_newfstatat:
    case SYS_readlinkat: case SYS_utimensat: case SYS_fchmodat: case SYS_fchownat: case SYS_mknodat: case SYS_linkat:
    case SYS_symlinkat: case SYS_renameat2: case SYS_truncate: case SYS_statfs: case SYS_chdir: return call_on_path(tid, number, m->mr);
    }
    return call_on_file(tid, number, m->mr);
}

/* --- the server ---------------------------------------------------------------------------------------------------- */

static long ask(int tid, long what, long first, long second) {
    struct emu_message m = {.mr = {what, first, second}};
    long result = emu_ipc(tid, tid, 0, -1, &m);
    return result < 0 ? result : m.mr[0];
}

/* Have pages from mm0, and its list of tasks, in which this one must be; 0 or an error. */
static long begin(int mm0) {
    struct sysinfo info;
    int self = (int)syscall(SYS_gettid), is_known = 0;
    if (sysinfo(&info) != 0)
        return -errno;
    nr_pages = least((long)(info.totalram * info.mem_unit) / PAGE / WINDOW_SHARE, MOST_PAGES);
    names_most = nr_pages * PAGE / NAMES_SHARE;
    long pager = ask(mm0, MM_PAGER, 0, 0);
    if (pager < 0)
        return pager;
    long error = emu_name_server(self, EMU_PAGER, (int)pager);
    if (error == 0)
        error = ask(mm0, MM_WINDOW, WINDOW, nr_pages);
    if (error == 0)
        error = ask(mm0, MM_TASKS, TASKS, 0);
    if (error < 0)
        return error;
    for (long k = 0; k < tasks->count; k++)
        is_known |= tasks->tasks[k].tid == self && tasks->tasks[k].kind == MM_SERVER_TASK;
    return is_known ? 0 : -ESRCH;
}

static long make_tree(void) {
    static const char *const names[] = {"/bin", "/dev", "/etc", "/root", "/usr", "/var", "/tmp", "/var/tmp"};
    root = new_vnode(S_IFDIR | 0755);
    if (root == NULL)
        return -ENOMEM;
    root->parent = root, root->links = 2;
    start_directory = root;
    for (unsigned k = 0; k < sizeof names / sizeof *names; k++) {
        struct place place;
        find(root, names[k], 0, &place);
        struct vnode *node = make_node(&place, S_IFDIR | (strstr(names[k], "tmp") != NULL ? 01777 : 0755));
        if (node == NULL)
            return -ENOMEM;
        if (strcmp(names[k], "/root") == 0)
            start_directory = node, node->opens++; /* it stays, also when its name is removed */
    }
    return 0;
}

int main(int argc, char **argv) {
    long error = argc >= 2 ? begin(atoi(argv[1])) : -EINVAL, handle;
    mounts = argv + 2;
    if (error == 0)
        error = make_tree();
    if (error < 0) {
        fprintf(stderr, "fs0: cannot start: %s\n", strerror((int)-error));
        return 1;
    }
    struct emu_message m = {.mr = {0}};
    long from = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
    for (;;) {
        long result = 0;
        int opens = 0;
        if (from > 0) {
            while ((handle = emu_closed_file()) >= 0)
                close_file(handle);
            opens = m.bytes <= EMU_FIRST_CALL && (emu_call_number(&m) == SYS_openat || emu_call_number(&m) == SYS_chdir);
            result = answer((int)from, &m);
            m.mr[0] = result;
            from = emu_ipc((int)from, EMU_ANYTHREAD, EMU_REPLY, -1, &m);
        } else {
            from = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
        }
        if (from < 0 && !m.sent && opens)
            close_file(result); /* nobody has it: its client has gone */
    }
}
