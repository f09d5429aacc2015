/* What fs0's calls do with files that are open: contents, status, directories [cz-15]. Included by fs0.c.
 *
 * Each copies from and to the memory of the client, whose tid comes first. Memory of a client's that is not there is an
 * EFAULT of that call, and nothing else. Results as those of Linux: 0, a count, or a negative error number. */
#ifndef FS0_CALLS_H
#define FS0_CALLS_H

#include <dirent.h>
#include <fcntl.h>
#include <sys/statfs.h>

#include "emu.h"
#include "fs0_tree.h"

enum { DIRENT_BYTES = 19, DIRENTS_BYTES = 32768, DEVICE = 0xF5, MOST_SEGMENTS = 1024 };

static long least(long one, long other) { return one < other ? one : other; }

static long give(int tid, long address, const void *from, long size) {
    return emu_copy_to(tid, address, from, size) == size ? 0 : -EFAULT;
}

static long take(int tid, long address, void *to, long size) {
    return emu_copy_from(tid, address, to, size) == size ? 0 : -EFAULT;
}

static long read_file(int tid, struct vnode *node, long offset, long address, long size) {
    long done = 0;
    if (offset >= node->size)
        return 0;
    size = least(size, node->size - offset);
    while (done < size) {
        long at = (offset + done) % PAGE, step = least(size - done, PAGE - at);
        uint32_t number = page_number(&node->pages, (offset + done) / PAGE);
        long copied = emu_copy_to(tid, address + done, number != 0 ? page_at(number) + at : zeroes, step);
        if (copied > 0)
            done += copied;
        if (copied < step)
            return done > 0 ? done : -EFAULT;
    }
    node->accessed = now();
    return done;
}

static long write_file(int tid, struct vnode *node, long offset, long address, long size) {
    long done = 0, error = 0, most = nr_pages * PAGE;
    if (size == 0)
        return 0;
    if (offset >= most)
        return -EFBIG;
    size = least(size, most - offset);
    while (done < size && error == 0) {
        long at = (offset + done) % PAGE, step = least(size - done, PAGE - at);
        uint32_t number = need_page(&node->pages, (offset + done) / PAGE);
        long copied = number != 0 ? emu_copy_from(tid, address + done, page_at(number) + at, step) : -ENOSPC;
        if (copied > 0)
            done += copied;
        if (copied < step)
            error = number != 0 ? -EFAULT : -ENOSPC;
    }
    if (done == 0)
        return error;
    if (offset + done > node->size)
        node->size = offset + done;
    node->modified = node->changed = now();
    return done;
}

static long set_size(struct vnode *node, long size) {
    if (size < 0)
        return -EINVAL;
    if (size > nr_pages * PAGE)
        return -EFBIG;
    if (size < node->size)
        cut_pages(&node->pages, size);
    node->size = size;
    node->modified = node->changed = now();
    return 0;
}

static long directory_size(const struct vnode *node) { return is_directory(node) ? PAGE : node->size; }

static long give_status(int tid, const struct vnode *node, long address) {
    struct stat status = {0};
    status.st_dev = DEVICE;
    status.st_ino = node->number;
    status.st_mode = node->mode;
    status.st_nlink = node->links;
    status.st_uid = node->uid, status.st_gid = node->gid;
    status.st_size = directory_size(node);
    status.st_blksize = PAGE;
    status.st_blocks = node->pages.used * (PAGE / 512);
    status.st_atim = node->accessed, status.st_mtim = node->modified, status.st_ctim = node->changed;
    return give(tid, address, &status, sizeof status);
}

static long give_room(int tid, long address) {
    struct statfs status = {0};
    status.f_type = 0xF50; /* no other file system's */
    status.f_bsize = status.f_frsize = PAGE;
    status.f_blocks = nr_pages;
    status.f_bfree = status.f_bavail = nr_pages - pages_in_use;
    status.f_files = status.f_ffree = names_most - names_bytes; /* how many bytes are left for names and arrays */
    status.f_namelen = LONGEST_NAME;
    return give(tid, address, &status, sizeof status);
}

static char dirents[DIRENTS_BYTES];

/* Add an entry to `dirents`; its bytes, or 0 where it does not fit. */
static long add_dirent(long at, long room, const struct vnode *node, long position, const char *name, int length) {
    long size = (DIRENT_BYTES + length + 1 + 7) & -8;
    if (at + size > room)
        return 0;
    uint64_t number = node->number, next = position;
    uint16_t bytes = size;
    memset(dirents + at, 0, size);
    memcpy(dirents + at, &number, 8);
    memcpy(dirents + at + 8, &next, 8);
    memcpy(dirents + at + 16, &bytes, 2);
    dirents[at + 18] = is_directory(node) ? DT_DIR : is_link(node) ? DT_LNK : DT_REG;
    memcpy(dirents + at + DIRENT_BYTES, name, length);
    return size;
}

/* getdents64: entries behind the one at *offset, which moves on. */
static long list_directory(int tid, struct vnode *node, long *offset, long address, long size) {
    long at = 0, room = least(size, DIRENTS_BYTES), position = *offset, added = 1;
    if (!is_directory(node))
        return -ENOTDIR;
    if (node->links == 0)
        return -ENOENT;
    for (; position < FIRST_ENTRY - 1 && added > 0; at += added) {
        added = add_dirent(at, room, position == 0 ? node : node->parent, position + 1, "..", (int)position + 1);
        position += added > 0;
    }
    for (struct entry *each = node->first; each != NULL && added > 0; each = each->next) {
        if (each->position <= position)
            continue;
        added = add_dirent(at, room, each->node, each->position, each->name, each->length);
        if (added > 0)
            position = each->position;
        at += added;
    }
    if (at == 0)
        return added > 0 ? 0 : -EINVAL;
    if (give(tid, address, dirents, at) < 0)
        return -EFAULT;
    *offset = position;
    node->accessed = now();
    return at;
}

static long set_times(int tid, struct vnode *node, long address) {
    struct timespec times[2], moment = now();
    if (address == 0)
        times[0] = times[1] = moment;
    else if (take(tid, address, times, sizeof times) < 0)
        return -EFAULT;
    for (int k = 0; k < 2; k++) {
        struct timespec *time = k == 0 ? &node->accessed : &node->modified;
        if (times[k].tv_nsec == UTIME_NOW)
            *time = moment;
        else if (times[k].tv_nsec != UTIME_OMIT) {
            if (times[k].tv_nsec < 0 || times[k].tv_nsec >= 1000000000)
                return -EINVAL;
            *time = times[k];
        }
    }
    node->changed = moment;
    return 0;
}

static long set_mode(struct vnode *node, long mode) {
    node->mode = (node->mode & S_IFMT) | (mode & 07777);
    node->changed = now();
    return 0;
}

static long set_owner(struct vnode *node, long uid, long gid) {
    if ((int)uid != -1)
        node->uid = uid;
    if ((int)gid != -1)
        node->gid = gid;
    node->changed = now();
    return 0;
}

#endif
