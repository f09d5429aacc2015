/* Memory of user threads: a stack with a guard page below, thread-local storage, and the thread's record, in one block.
 * Part of kse_threads.h. Blocks are never given back, but used again: the kernel may still write into a mailbox.
 *
 *      guard │ stack, grows down … │ struct pthread │ __thread variables │ struct kse_thread
 *                        stack_top ┘                └ tp                 └ the thread
 *
 * The C library keeps what a thread needs (errno, its number for recursive locks, …) before tp, in `struct pthread`;
 * how it looks is nobody's business, so each block gets a copy of main's, once: words that point into main's point
 * into the copy, and the number is its own; each thread begins with an errno of 0. The variables come from the
 * program's TLS segment. musl and glibc have both where the ELF rules for RISC-V put them. */
#ifndef KSE_MEMORY_H
#define KSE_MEMORY_H

#include <elf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kse_wait.h"

enum { KSE_PAGE = 4096, KSE_FIRST_CLASS = 14, KSE_CLASSES = 18, KSE_STACK = 1 << 16, KSE_SLAB = 16, KSE_POINTERS = 16 };
enum { KSE_COLOUR = 128 }; /* so that records do not all meet in the same lines of a cache */

static struct {
    char *image;      /* what a thread's td and variables are at first */
    char *main_td;
    size_t td_bytes, bytes, align;
    size_t pointers[KSE_POINTERS]; /* words of td that point into itself */
    int nr_pointers;
    size_t tid_offset, errno_offset, self_offset; /* from td */
    int last_tid;
    kse_spin_t lock; /* guards the pool */
    struct kse_thread *pool[KSE_CLASSES];
} kse_memory;

static char *kse_thread_pointer(void) {
    char *tp;
    __asm__("mv %0, tp" : "=r"(tp));
    return tp;
}

static void *kse_map(size_t bytes) {
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

/* Make the image, from main's own. */
static int kse_memory_start(void) {
    char *tp = kse_thread_pointer(), *td = (char *)pthread_self();
    const Elf64_Phdr *header = (const Elf64_Phdr *)getauxval(AT_PHDR), *tls = NULL;
    uintptr_t base = 0;
    for (size_t n = getauxval(AT_PHNUM); n > 0; n--, header++) {
        if (header->p_type == PT_PHDR)
            base = getauxval(AT_PHDR) - header->p_vaddr;
        if (header->p_type == PT_TLS)
            tls = header; /* kse_self is in it */
    }
    const char *data = (const char *)(base + tls->p_vaddr);
    size_t skip = (uintptr_t)data & (tls->p_align - 1);
    kse_memory.main_td = td;
    kse_memory.td_bytes = tp - td;
    kse_memory.bytes = (kse_memory.td_bytes + skip + tls->p_memsz + 15) & -16ul;
    kse_memory.align = tls->p_align < 64 ? 64 : tls->p_align;
    kse_memory.image = kse_map(kse_memory.bytes);
    if (!kse_memory.image)
        return ENOMEM;
    memcpy(kse_memory.image, td, kse_memory.td_bytes);
    memcpy(kse_memory.image + kse_memory.td_bytes + skip, data, tls->p_filesz);
    kse_memory.errno_offset = (char *)&errno - td;
    int tid = (int)syscall(SYS_gettid);
    for (size_t at = 0; at < kse_memory.td_bytes; at += 8) {
        uintptr_t word = *(uintptr_t *)(td + at);
        if (word >= (uintptr_t)td && word < (uintptr_t)tp && kse_memory.nr_pointers < KSE_POINTERS)
            kse_memory.pointers[kse_memory.nr_pointers++] = at;
        if ((int)word == tid && kse_memory.tid_offset == 0)
            kse_memory.tid_offset = at;
    }
    kse_memory.self_offset = (char *)&kse_self - td;
    kse_memory.last_tid = tid + (1 << 20); /* numbers of their own: up to 2^30 in musl */
    return 0;
}

static int kse_class_of(size_t bytes) {
    int n = 0;
    while (n < KSE_CLASSES && (1ul << (KSE_FIRST_CLASS + n)) < bytes)
        n++;
    return n;
}

/* Some more blocks of a class; one of them, the others in the pool. NULL: no memory. */
KSE_FUNCTION struct kse_thread *kse_more(int class) {
    size_t size = 1ul << (KSE_FIRST_CLASS + class);
    int count = size > 1 << 20 ? 1 : KSE_SLAB;
    char *at = kse_map(size * count);
    if (!at)
        return NULL;
    struct kse_thread *t = NULL;
    for (int n = 0; n < count; n++, at += size) {
        mprotect(at, KSE_PAGE, PROT_NONE);
        uintptr_t end = (uintptr_t)at + size - ((sizeof(struct kse_thread) + 63) & -64ul) - n * KSE_COLOUR;
        uintptr_t tp = (end - (kse_memory.bytes - kse_memory.td_bytes)) & -kse_memory.align;
        struct kse_thread *following = t;
        t = (struct kse_thread *)end;
        t->size_class = class;
        t->saved = 1;
        t->td = (char *)(tp - kse_memory.td_bytes);
        t->tp = tp;
        t->stack = at + KSE_PAGE;
        t->stack_top = (char *)((uintptr_t)t->td & -16ul);
        t->tid = __atomic_add_fetch(&kse_memory.last_tid, 1, __ATOMIC_RELAXED);
        memcpy(t->td, kse_memory.image, kse_memory.td_bytes);
        for (int k = 0; k < kse_memory.nr_pointers; k++)
            *(char **)(t->td + kse_memory.pointers[k]) += t->td - kse_memory.main_td;
        *(int *)(t->td + kse_memory.tid_offset) = t->tid;
        t->next = following;
    }
    if (t->next) {
        struct kse_thread *last = t->next;
        while (last->next)
            last = last->next;
        kse_spin_lock(&kse_memory.lock);
        last->next = kse_memory.pool[class];
        kse_memory.pool[class] = t->next;
        kse_spin_unlock(&kse_memory.lock);
    }
    return t;
}

/* A thread with fresh thread-local storage, and a stack of so many bytes. In a critical region; NULL: no memory. */
KSE_INLINE struct kse_thread *kse_allocate(size_t stack_bytes) {
    int class = kse_class_of(stack_bytes);
    if (class == KSE_CLASSES)
        return NULL;
    kse_spin_lock(&kse_memory.lock);
    struct kse_thread *t = kse_memory.pool[class];
    if (t)
        kse_memory.pool[class] = t->next;
    kse_spin_unlock(&kse_memory.lock);
    if (!t && !(t = kse_more(class)))
        return NULL;
    while (!__atomic_load_n(&t->saved, __ATOMIC_ACQUIRE)) /* its last thread is about to leave its stack */
        sched_yield();
    for (size_t n = kse_memory.td_bytes; n < kse_memory.bytes; n += 8) /* memcpy goes by bytes */
        *(uint64_t *)(t->td + n) = *(uint64_t *)(kse_memory.image + n);
    *(int *)(t->td + kse_memory.errno_offset) = 0;
    *(struct kse_thread **)(t->td + kse_memory.self_offset) = t;
    t->sp = (unsigned long)t->stack_top;
    t->mailbox.flags = TMF_NOUPCALL; /* it begins in a critical region */
    return t;
}

KSE_INLINE void kse_free(struct kse_thread *t) {
    kse_spin_lock(&kse_memory.lock);
    t->next = kse_memory.pool[t->size_class];
    kse_memory.pool[t->size_class] = t;
    kse_spin_unlock(&kse_memory.lock);
}

#endif
