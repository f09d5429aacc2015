/* fs0: a file server outside the kernel [cz-15]. `emu run --fs fs0 PROGRAM` starts it, and mm0 before it; its argument is
 * mm0's tid. The files are in memory, in pages that mm0 maps into fs0's window.
 *
 * One thread serves all clients, one message after the other, and waits for none of them: it answers with EMU_REPLY. What
 * a client may be is told by the kernel: a call on files is a message that no thread can send (emu_servers.h), with fs0's
 * own handles in it. All other messages are refused. Before a message is looked at, the files that nobody has open any more
 * are closed.
 *
 * A client that is gone when its openat is answered has no descriptor: the file is closed again. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs0_calls.h"
#include "mm0.h"

enum { MOST_OPEN = 1 << 16, INDEX_BITS = 20, WINDOW_SHARE = 4, LONGEST_PATH = 4096, MOST_PAGES = 1 << 22 };
#define TASKS 0x2700000000L /* where mm0's struct mm_tasks is mapped */

/* Open files. A handle is an index and a count of how often it was used, so an old one is no file's. */
struct open_file {
    struct vnode *node; /* NULL: free */
    long offset, uses;
    int next_free;
};
static struct open_file open_files[MOST_OPEN];
static int fresh_file, free_file; /* index + 1 */
static struct vnode *start_directory;
static const struct mm_tasks *tasks = (const struct mm_tasks *)TASKS;

static long open_node(struct vnode *node) {
    int k = free_file - 1;
    if (k >= 0)
        free_file = open_files[k].next_free;
    else if (fresh_file < MOST_OPEN)
        k = fresh_file++;
    else
        return -ENFILE;
    node->opens++;
    open_files[k].node = node;
    open_files[k].offset = 0;
    return (open_files[k].uses << INDEX_BITS) | k;
}

static struct open_file *file_of(long handle) {
    long k = handle & ((1 << INDEX_BITS) - 1);
    if (handle < 0 || k >= fresh_file || open_files[k].node == NULL || open_files[k].uses != handle >> INDEX_BITS)
        return NULL;
    return &open_files[k];
}

static void close_file(long handle) {
    struct open_file *file = file_of(handle);
    if (file == NULL)
        return;
    file->node->opens--;
    end_if_unused(file->node);
    file->node = NULL;
    file->uses = (file->uses + 1) & 0xFFFFFFFF;
    file->next_free = free_file;
    free_file = (int)(file - open_files) + 1;
}

/* --- calls about paths ------------------------------------------------------------------------------------------- */

static char path[LONGEST_PATH], other_path[LONGEST_PATH];

/* Copy a path from a client: 0, -EFAULT, -ENAMETOOLONG. */
static long take_path(int tid, long address, char *to) {
    for (long done = 0; done < LONGEST_PATH;) {
        long step = least(LONGEST_PATH - done, least(256, PAGE - (address + done) % PAGE));
        long copied = emu_copy_from(tid, address + done, to + done, step);
        if (copied <= 0)
            return -EFAULT;
        if (memchr(to + done, 0, copied) != NULL)
            return 0;
        done += copied;
    }
    return -ENAMETOOLONG;
}

/* The machine's own: what describes it, and its devices. */
static int is_the_machines(const char *name) {
    static const char *const names[] = {"/proc", "/sys", "/dev"};
    for (unsigned k = 0; k < sizeof names / sizeof *names; k++) {
        size_t length = strlen(names[k]);
        if (strncmp(name, names[k], length) == 0 && (name[length] == '/' || name[length] == '\0'))
            return 1;
    }
    return 0;
}

static struct vnode *directory_of(long handle) {
    if (handle == AT_FDCWD)
        return start_directory;
    struct open_file *file = file_of(handle);
    return file != NULL ? file->node : NULL;
}

static long open_path(struct vnode *at, long flags, long mode) {
    struct place place;
    long error = find(at, path, &place);
    int creates = (flags & O_CREAT) != 0;
    if (error < 0)
        return error;
    struct vnode *node = place.node;
    if (node != NULL && creates && (flags & O_EXCL))
        return -EEXIST;
    if (node == NULL) {
        if (!creates)
            return -ENOENT;
        if (place.must_be_directory)
            return -EISDIR;
        node = make_node(&place, S_IFREG | (mode & 07777 & ~022));
        if (node == NULL)
            return -ENOSPC;
    } else {
        if ((flags & O_DIRECTORY) && !is_directory(node))
            return -ENOTDIR;
        if (is_directory(node) && ((flags & O_ACCMODE) != O_RDONLY || creates))
            return -EISDIR;
        if ((flags & O_TRUNC) && !(flags & O_PATH) && !is_directory(node) && node->size > 0)
            set_size(node, 0);
    }
    return open_node(node);
}

static long make_directory(struct vnode *at, long mode) {
    struct place place;
    long error = find(at, path, &place);
    if (error < 0)
        return error;
    if (place.node != NULL)
        return -EEXIST;
    return make_node(&place, S_IFDIR | (mode & 01777 & ~022)) != NULL ? 0 : -ENOSPC;
}

static long remove_path(struct vnode *at, long flags) {
    struct place place;
    long error = find(at, path, &place);
    if (flags & ~AT_REMOVEDIR)
        return -EINVAL;
    if (error < 0)
        return error;
    if (place.node == NULL)
        return -ENOENT;
    if (flags == 0 && is_directory(place.node))
        return -EISDIR;
    if (flags != 0) {
        if (!is_directory(place.node))
            return -ENOTDIR;
        if (place.entry == NULL)
            return place.node == root ? -EBUSY : place.node == place.directory ? -EINVAL : -ENOTEMPTY;
        if (place.node->first != NULL)
            return -ENOTEMPTY;
    }
    leave(place.directory, place.entry);
    end_if_unused(place.node);
    return 0;
}

/* Whether a directory lies in another, or is that one. */
static int lies_in(const struct vnode *node, const struct vnode *outer) {
    while (node != outer && node != root)
        node = node->parent;
    return node == outer;
}

static long rename_path(struct vnode *from, struct vnode *to, long flags) {
    struct place old, new;
    long error = find(from, path, &old);
    if (flags & ~1) /* RENAME_NOREPLACE */
        return -EINVAL;
    if (error == 0)
        error = find(to, other_path, &new);
    if (error < 0)
        return error;
    if (old.node == NULL)
        return -ENOENT;
    if (old.entry == NULL || (new.node != NULL && new.entry == NULL))
        return -EBUSY;
    if (new.node != NULL && flags)
        return -EEXIST;
    if (old.node == new.node)
        return 0;
    if (is_directory(old.node) && lies_in(new.directory, old.node))
        return -EINVAL;
    if (!is_directory(old.node) && new.must_be_directory)
        return -ENOTDIR;
    if (new.node != NULL) {
        if (is_directory(new.node) != is_directory(old.node))
            return is_directory(new.node) ? -EISDIR : -ENOTDIR;
        if (new.node->first != NULL)
            return -ENOTEMPTY;
    }
    struct vnode *node = old.node;
    error = enter(new.directory, new.name, new.length, node); /* first, so that nothing is lost where there is no room */
    if (error < 0)
        return error;
    leave(old.directory, old.entry);
    if (is_directory(node))
        node->parent = new.directory;
    if (new.node != NULL) {
        leave(new.directory, new.entry);
        end_if_unused(new.node);
    }
    return 0;
}

static long may_access(const struct vnode *node, long wanted) {
    if (wanted & ~7)
        return -EINVAL;
    return (wanted & 1) && !is_directory(node) && (node->mode & 0111) == 0 ? -EACCES : 0;
}

static long call_on_path(int tid, long number, const long *a) {
    int is_first = number == SYS_truncate || number == SYS_statfs || number == SYS_chdir;
    struct vnode *node, *at = is_first ? start_directory : directory_of((int)a[0]);
    long address = is_first ? a[0] : a[1];
    int empty = number == SYS_newfstatat && (a[3] & AT_EMPTY_PATH);
    if ((number == SYS_utimensat && address == 0) || (empty && address == 0)) {
        path[0] = '\0'; /* the file itself, by its descriptor */
        empty = 1;
    } else {
        long error = take_path(tid, address, path);
        if (error < 0)
            return error;
    }
    if (is_the_machines(path))
        return EMU_NOT_MINE;
    if (number == SYS_openat)
        return open_path(at, (int)a[2], a[3]);
    if (number == SYS_mkdirat)
        return make_directory(at, a[2]);
    if (number == SYS_unlinkat)
        return remove_path(at, (int)a[2]);
    if (number == SYS_renameat2) {
        long error = take_path(tid, a[3], other_path);
        return error < 0 ? error : is_the_machines(other_path) ? -EXDEV : rename_path(at, directory_of((int)a[2]), a[4]);
    }
    if (empty && path[0] == '\0' && at == NULL)
        return -EBADF;
    node = at;
    long error = empty && path[0] == '\0' ? 0 : find_node(at, path, &node);
    if (error < 0)
        return error;
    switch (number) {
    case SYS_newfstatat: return give_status(tid, node, a[2]);
    case SYS_faccessat: return may_access(node, a[2]);
    case SYS_faccessat2: return may_access(node, a[2]);
    case SYS_readlinkat: return -EINVAL;
    case SYS_utimensat: return set_times(tid, node, a[2]);
    case SYS_fchmodat: return set_mode(node, a[2]);
    case SYS_fchownat: return set_owner(node, a[2], a[3]);
    case SYS_statfs: return give_room(tid, a[1]);
    case SYS_truncate: return is_directory(node) ? -EISDIR : set_size(node, a[1]);
    case SYS_chdir: return !is_directory(node) ? -ENOTDIR : node == start_directory ? 0 : -ENOSYS;
    case SYS_linkat: return -EPERM;
    case SYS_mknodat: return -EPERM;
    }
    return -ENOSYS;
}

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
    case SYS_fchdir: return !is_directory(node) ? -ENOTDIR : node == start_directory ? 0 : -ENOSYS;
    case SYS_flock: return -EOPNOTSUPP;
    }
    return -ENOSYS;
}

static long get_directory(int tid, long address, long size) {
    static const char start[] = "/root";
    if (size < (long)sizeof start)
        return size == 0 ? -EINVAL : -ERANGE;
    return give(tid, address, start, sizeof start) < 0 ? -EFAULT : (long)sizeof start;
}

static long answer(int tid, const struct emu_message *m) {
    long number = emu_call_number(m);
    if (m->bytes > EMU_FIRST_CALL)
        return -EINVAL; /* what any thread may send, or a fault */
    switch (number) {
    case SYS_getcwd: return get_directory(tid, m->mr[0], m->mr[1]);
    case SYS_symlinkat: return -EPERM;
    case SYS_statx: return -ENOSYS; /* C libraries ask for the status in the other way then */
    case SYS_openat: case SYS_mkdirat: case SYS_unlinkat: case SYS_faccessat: case SYS_faccessat2: case SYS_newfstatat:
    case SYS_readlinkat: case SYS_utimensat: case SYS_fchmodat: case SYS_fchownat: case SYS_mknodat: case SYS_linkat:
    case SYS_renameat2: case SYS_truncate: case SYS_statfs: case SYS_chdir: return call_on_path(tid, number, m->mr);
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
        find(root, names[k], &place);
        struct vnode *node = make_node(&place, S_IFDIR | (strstr(names[k], "tmp") != NULL ? 01777 : 0755));
        if (node == NULL)
            return -ENOMEM;
        if (strcmp(names[k], "/root") == 0)
            start_directory = node;
    }
    return 0;
}

int main(int argc, char **argv) {
    long error = argc == 2 ? begin(atoi(argv[1])) : -EINVAL, handle;
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
            opens = emu_call_number(&m) == SYS_openat && m.bytes <= EMU_FIRST_CALL;
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
