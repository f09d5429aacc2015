/* The open files of fs0, and its calls about paths [cz-15]. Included by fs0.c. Results as those of Linux. */
#ifndef FS0_PATHS_H
#define FS0_PATHS_H

#include <sys/syscall.h>

#include "fs0_calls.h"

enum { MOST_OPEN = 1 << 16, INDEX_BITS = 20 };

/* Open files. A handle is an index and a count of how often it was used, so an old one is no file's. */
struct open_file {
    struct vnode *node; /* NULL: free */
    long offset, uses;
    int next_free;
};
static struct open_file open_files[MOST_OPEN];
static int fresh_file, free_file; /* index + 1 */
static struct vnode *start_directory;

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

/* The machine's own: what describes it, its devices, and where directories of the host are mounted. */
static char *const *mounts; /* ended by NULL */

static int lies_below(const char *name, const char *directory) {
    size_t length = strlen(directory);
    return strncmp(name, directory, length) == 0 && (name[length] == '/' || name[length] == '\0');
}

static int is_the_machines(const char *name) {
    int found = lies_below(name, "/proc") || lies_below(name, "/sys") || lies_below(name, "/dev");
    for (char *const *each = mounts; *each != NULL && !found; each++)
        found = lies_below(name, *each);
    return found;
}

static struct vnode *directory_of(long handle) {
    if (handle == AT_FDCWD)
        return start_directory;
    struct open_file *file = file_of(handle);
    return file != NULL ? file->node : NULL;
}

static long open_path(struct vnode *at, long flags, long mode) {
    struct place place;
    int creates = (flags & O_CREAT) != 0, makes = creates && (flags & O_EXCL);
    long error = find(at, path, !makes && !(flags & O_NOFOLLOW), &place);
    if (error < 0)
        return error;
    struct vnode *node = place.node;
    if (node != NULL && makes)
        return -EEXIST;
    if (node != NULL && is_link(node) && !(flags & O_PATH))
        return -ELOOP;
    if (node == NULL) {
        if (!creates)
            return -ENOENT;
        if (place.must_be_directory)
            return -EISDIR;
        node = make_node(&place, S_IFREG | (mode & 07777));
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
    long error = find(at, path, 0, &place);
    if (error < 0)
        return error;
    if (place.node != NULL)
        return -EEXIST;
    return make_node(&place, S_IFDIR | (mode & 01777)) != NULL ? 0 : -ENOSPC;
}

/* A regular file; nothing else is made by mknodat. */
static long make_file(struct vnode *at, long mode) {
    struct place place;
    long error = find(at, path, 0, &place);
    if (error < 0)
        return error;
    if (place.node != NULL)
        return -EEXIST;
    if ((mode & S_IFMT) != 0 && !S_ISREG(mode))
        return -EPERM;
    if (place.must_be_directory)
        return -ENOENT;
    return make_node(&place, S_IFREG | (mode & 07777)) != NULL ? 0 : -ENOSPC;
}

/* A symbolic link to `other_path`. */
static long make_link(struct vnode *at) {
    struct place place;
    long error = find(at, path, 0, &place), size = (long)strlen(other_path);
    if (error < 0)
        return error;
    if (size == 0)
        return -ENOENT;
    if (place.node != NULL)
        return -EEXIST;
    if (place.must_be_directory)
        return -ENOENT;
    struct vnode *node = make_node(&place, S_IFLNK | 0777);
    char *target = node != NULL ? take_bytes(size + 1) : NULL;
    if (target != NULL) {
        strcpy(target, other_path);
        node->target = target, node->size = size;
        return 0;
    }
    if (node != NULL) {
        leave(place.directory, place.directory->last);
        end_if_unused(node);
    }
    return -ENOSPC;
}

static long read_link(int tid, const struct vnode *node, long address, long size) {
    if (size <= 0 || !is_link(node))
        return -EINVAL;
    size = least(size, node->size);
    return give(tid, address, node->target, size) < 0 ? -EFAULT : size;
}

/* Another name for a file. */
static long link_path(struct vnode *from, struct vnode *to, long flags) {
    struct place old, new;
    if (flags & ~AT_SYMLINK_FOLLOW)
        return -EINVAL;
    long error = find(from, path, flags != 0, &old);
    if (error == 0 && old.node == NULL)
        error = -ENOENT;
    if (error == 0)
        error = find(to, other_path, 0, &new);
    if (error < 0)
        return error;
    if (new.node != NULL)
        return -EEXIST;
    if (is_directory(old.node))
        return -EPERM;
    if (new.must_be_directory)
        return -ENOENT;
    old.node->changed = now();
    return enter(new.directory, new.name, new.length, old.node);
}

static long remove_path(struct vnode *at, long flags) {
    struct place place;
    long error = find(at, path, 0, &place);
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
    long error = find(from, path, 0, &old);
    if (flags & ~1) /* RENAME_NOREPLACE */
        return -EINVAL;
    if (error == 0)
        error = find(to, other_path, 0, &new);
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

/* The path of a directory, for getcwd: put together from its end. */
static long give_path(int tid, const struct vnode *node, long address, long size) {
    char *begin = path + sizeof path - 1;
    *begin = '\0';
    if (node == NULL || node->links == 0)
        return -ENOENT;
    for (; node != root; node = node->parent) {
        const struct entry *entry = node->parent->first;
        while (entry->node != node)
            entry = entry->next;
        if (begin - path <= entry->length)
            return -ENAMETOOLONG;
        begin -= entry->length;
        memcpy(begin, entry->name, entry->length);
        *--begin = '/';
    }
    if (*begin == '\0')
        *--begin = '/';
    long length = path + sizeof path - begin;
    if (size < length)
        return size == 0 ? -EINVAL : -ERANGE;
    return give(tid, address, begin, length) < 0 ? -EFAULT : length;
}

/* Whether the last name of a path is followed where it is a symbolic link. */
static int follows_last(long number, const long *a) {
    switch (number) {
    case SYS_newfstatat:
    case SYS_utimensat:
    case SYS_faccessat2: return (a[3] & AT_SYMLINK_NOFOLLOW) == 0;
    case SYS_fchownat: return (a[4] & AT_SYMLINK_NOFOLLOW) == 0;
    case SYS_readlinkat: return 0;
    }
    return 1;
}

static long call_on_path(int tid, long number, const long *a) {
    int is_first = number == SYS_truncate || number == SYS_statfs || number == SYS_chdir;
    int is_link_call = number == SYS_symlinkat;
    struct vnode *node, *at = directory_of(is_first ? a[5] : is_link_call ? a[1] : a[0]);
    long address = is_first ? a[0] : is_link_call ? a[2] : a[1];
    int may_be_empty = number == SYS_newfstatat && (a[3] & AT_EMPTY_PATH);
    if ((number == SYS_utimensat || may_be_empty) && address == 0) {
        path[0] = '\0'; /* the file itself, by its descriptor */
        may_be_empty = 1;
    } else {
        long error = take_path(tid, address, path);
        if (error < 0)
            return error;
    }
    if (is_the_machines(path))
        return EMU_NOT_MINE;
    if (number == SYS_renameat2 || number == SYS_linkat || is_link_call) {
        long error = take_path(tid, is_link_call ? a[0] : a[3], other_path);
        if (error < 0)
            return error;
        if (is_link_call)
            return make_link(at);
        if (is_the_machines(other_path))
            return -EXDEV;
        struct vnode *to = directory_of(a[2]);
        return number == SYS_linkat ? link_path(at, to, a[4]) : rename_path(at, to, a[4]);
    }
    switch (number) {
    case SYS_openat: return open_path(at, (int)a[2], a[3]);
    case SYS_mkdirat: return make_directory(at, a[2]);
    case SYS_mknodat: return make_file(at, a[2]);
    case SYS_unlinkat: return remove_path(at, (int)a[2]);
    }
    if (may_be_empty && path[0] == '\0') {
        if (at == NULL)
            return -EBADF;
        node = at;
    } else {
        long error = find_node(at, path, follows_last(number, a), &node);
        if (error < 0)
            return error;
    }
    switch (number) {
    case SYS_newfstatat: return give_status(tid, node, a[2]);
    case SYS_faccessat: return may_access(node, a[2]);
    case SYS_faccessat2: return may_access(node, a[2]);
    case SYS_readlinkat: return read_link(tid, node, a[2], a[3]);
    case SYS_utimensat: return set_times(tid, node, a[2]);
    case SYS_fchmodat: return set_mode(node, a[2]);
    case SYS_fchownat: return set_owner(node, a[2], a[3]);
    case SYS_statfs: return give_room(tid, a[1]);
    case SYS_truncate: return is_directory(node) ? -EISDIR : set_size(node, a[1]);
    case SYS_chdir: return is_directory(node) ? open_node(node) : -ENOTDIR;
    }
    return -ENOSYS;
}

#endif
