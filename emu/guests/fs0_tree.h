/* The tree of fs0: vnodes, directories, paths [cz-15]. Included by fs0.c.
 *
 * Vnode numbers are the file system's own, and count from 1, the root. A directory lists its entries in the order in which
 * they were made; each has a number of its own there, which only grows, so reading a directory goes on where it was
 * whatever is made or removed meanwhile. A vnode lives as long as an entry names it or somebody has it open. */
#ifndef FS0_TREE_H
#define FS0_TREE_H

#include <sys/stat.h>
#include <time.h>

#include "fs0_pages.h"

enum { LONGEST_NAME = 255, LONGEST_PATH = 4096, MOST_LINKS = 40, FIRST_ENTRY = 3 }; /* 1 and 2 are . and .. */

struct vnode {
    long number, size, links, opens;
    unsigned mode, uid, gid;
    struct timespec changed, modified, accessed;
    struct pages pages;    /* of a file */
    char *target;          /* of a symbolic link, with its NUL */
    struct vnode *parent;  /* of a directory; the root's is itself */
    struct entry *first, *last;
    long next_entry;
};
struct entry {
    struct entry *next, *previous;
    struct vnode *node;
    long position;
    int length;
    char name[];
};

static struct vnode *root;
static long next_number = 1;

static int is_directory(const struct vnode *node) { return S_ISDIR(node->mode); }
static int is_link(const struct vnode *node) { return S_ISLNK(node->mode); }

static struct timespec now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return time;
}

static struct vnode *new_vnode(unsigned mode) {
    struct vnode *node = take_bytes(sizeof *node);
    if (node != NULL) {
        node->number = next_number++;
        node->mode = mode;
        node->changed = node->modified = node->accessed = now();
        node->next_entry = FIRST_ENTRY;
    }
    return node;
}

/* A directory that was removed while it is open keeps the one above, where `..` leads. */
static void end_if_unused(struct vnode *node) {
    while (node->links == 0 && node->opens == 0) {
        struct vnode *above = is_directory(node) ? node->parent : NULL;
        cut_pages(&node->pages, 0);
        if (node->target != NULL)
            give_bytes(node->target, node->size + 1);
        give_bytes(node, sizeof *node);
        if (above == NULL)
            break;
        above->opens--;
        node = above;
    }
}

static struct entry *entry_of(const struct vnode *directory, const char *name, int length) {
    for (struct entry *each = directory->first; each != NULL; each = each->next)
        if (each->length == length && memcmp(each->name, name, length) == 0)
            return each;
    return NULL;
}

static void touch_directory(struct vnode *directory) { directory->changed = directory->modified = now(); }

/* Give a vnode a name; 0 or -ENOSPC. */
static long enter(struct vnode *directory, const char *name, int length, struct vnode *node) {
    struct entry *entry = take_bytes(sizeof *entry + length);
    if (entry == NULL)
        return -ENOSPC;
    memcpy(entry->name, name, length);
    entry->length = length;
    entry->node = node;
    entry->position = directory->next_entry++;
    entry->previous = directory->last;
    *(directory->last != NULL ? &directory->last->next : &directory->first) = entry;
    directory->last = entry;
    node->links += is_directory(node) ? 2 : 1;
    if (is_directory(node)) {
        node->parent = directory;
        directory->links++;
    }
    touch_directory(directory);
    return 0;
}

/* Take a vnode's name away; the vnode goes when nobody has it open. */
static void leave(struct vnode *directory, struct entry *entry) {
    struct vnode *node = entry->node;
    *(entry->previous != NULL ? &entry->previous->next : &directory->first) = entry->next;
    *(entry->next != NULL ? &entry->next->previous : &directory->last) = entry->previous;
    node->links -= is_directory(node) ? 2 : 1;
    directory->links -= is_directory(node);
    directory->opens += is_directory(node) && node->links == 0;
    node->changed = now();
    touch_directory(directory);
    give_bytes(entry, sizeof *entry + entry->length);
}

/* Where a path leads. The last name is not looked for in the tree if there is none (length 0: the root, . or ..). */
struct place {
    struct vnode *directory, *node; /* node NULL: there is no such file */
    struct entry *entry;
    const char *name;
    int length, must_be_directory;
};

/* From a directory (NULL: it is none that is known, which only an absolute path may do without). 0 or an error. Symbolic
 * links are followed, the last name's if `follows` says so; what a link leads to is put before what is left of the path. */
static long find(struct vnode *at, const char *path, int follows, struct place *place) {
    static char expanded[2][2 * LONGEST_PATH];
    int links = 0;
    *place = (struct place){0};
    if (*path == '\0')
        return -ENOENT;
    if (*path == '/')
        at = root;
    if (at == NULL)
        return -EBADF;
    place->directory = place->node = at;
    for (;;) {
        while (*path == '/')
            path++, place->must_be_directory = 1;
        if (*path == '\0')
            break;
        if (place->node == NULL)
            return -ENOENT;
        if (!is_directory(place->node))
            return -ENOTDIR;
        int length = (int)strcspn(path, "/");
        if (length > LONGEST_NAME)
            return -ENAMETOOLONG;
        at = place->node;
        place->must_be_directory = 0;
        place->name = path, place->length = length;
        place->entry = NULL;
        place->directory = at;
        if (length == 1 && path[0] == '.')
            place->length = 0;
        else if (length == 2 && path[0] == '.' && path[1] == '.')
            place->node = at->parent, place->length = 0;
        else if (at->links == 0)
            return -ENOENT; /* it was removed */
        else {
            place->entry = entry_of(at, path, length);
            place->node = place->entry != NULL ? place->entry->node : NULL;
        }
        path += length;
        if (place->entry == NULL || !is_link(place->entry->node) || (*path == '\0' && !follows))
            continue;
        if (++links > MOST_LINKS)
            return -ELOOP;
        const struct vnode *link = place->node;
        if (link->size + strlen(path) >= sizeof expanded[0])
            return -ENAMETOOLONG;
        char *whole = expanded[links % 2];
        memcpy(whole, link->target, link->size);
        strcpy(whole + link->size, path);
        path = whole;
        place->directory = place->node = *path == '/' ? root : at;
        place->entry = NULL, place->length = 0;
    }
    if (place->node != NULL && place->must_be_directory && !is_directory(place->node))
        return -ENOTDIR;
    return 0;
}

/* As find, of what has to be there. */
static long find_node(struct vnode *at, const char *path, int follows, struct vnode **node) {
    struct place place;
    long error = find(at, path, follows, &place);
    *node = place.node;
    return error < 0 ? error : place.node == NULL ? -ENOENT : 0;
}

/* A new file or directory at a place where there is none; NULL: no room. */
static struct vnode *make_node(const struct place *place, unsigned mode) {
    struct vnode *node = new_vnode(mode);
    if (node != NULL && enter(place->directory, place->name, place->length, node) < 0) {
        give_bytes(node, sizeof *node);
        node = NULL;
    }
    return node;
}

#endif
