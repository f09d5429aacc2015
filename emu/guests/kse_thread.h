/* User threads: create, exit, join, detach; keys. Part of kse_threads.h. */
#ifndef KSE_THREAD_H
#define KSE_THREAD_H

#include "kse_memory.h"

struct kse_attributes {
    size_t stack_bytes; /* 0: KSE_STACK */
    int detached;
    int priority; /* 0 … KSE_PRIORITIES - 1; that of the creator if `set_priority` is 0 */
    int set_priority;
};

#define KSE_CANCELLED ((void *)-1)

static inline kse_t kse_thread_self(void) { return kse_self; }

/* --- keys: values that each thread has its own of ----------------------------------------------------------------- */
typedef unsigned kse_key_t;
static struct {
    kse_spin_t lock;
    char used[KSE_KEYS];
    void (*destructor[KSE_KEYS])(void *);
} kse_keys;

static inline int kse_key_create(kse_key_t *key, void (*destructor)(void *)) {
    struct kse_thread *self = kse_enter();
    int error = EAGAIN;
    kse_spin_lock(&kse_keys.lock);
    for (kse_key_t n = 0; n < KSE_KEYS && error; n++)
        if (!kse_keys.used[n]) {
            kse_keys.used[n] = 1;
            kse_keys.destructor[n] = destructor;
            *key = n;
            error = 0;
        }
    kse_spin_unlock(&kse_keys.lock);
    kse_leave(self);
    return error;
}
static inline int kse_key_delete(kse_key_t key) {
    if (key >= KSE_KEYS || !kse_keys.used[key])
        return EINVAL;
    kse_keys.destructor[key] = NULL; /* its number is not used again: other threads have values still */
    return 0;
}
static inline void *kse_getspecific(kse_key_t key) { return key < KSE_KEYS ? kse_self->keys[key] : NULL; }
static inline int kse_setspecific(kse_key_t key, const void *value) {
    if (key >= KSE_KEYS || !kse_keys.used[key])
        return EINVAL;
    kse_self->keys[key] = (void *)value;
    kse_self->keys_used = 1;
    return 0;
}
KSE_FUNCTION void kse_destroy_values(struct kse_thread *self) {
    for (int round = 0; self->keys_used && round < 4; round++) { /* destructors may set values again */
        self->keys_used = 0;
        for (int n = 0; n < KSE_KEYS; n++) {
            void *value = self->keys[n];
            self->keys[n] = NULL;
            if (value && kse_keys.destructor[n])
                kse_keys.destructor[n](value);
        }
    }
    memset(self->keys, 0, sizeof self->keys);
}

/* --- end ---------------------------------------------------------------------------------------------------------- */
static void __attribute__((noreturn, noinline)) kse_thread_exit(void *result) {
    struct kse_thread *self = kse_self, *joiner;
    self->cancel_disabled = 1;
    while (self->cleanup) {
        struct kse_cleanup *c = self->cleanup;
        self->cleanup = c->next;
        c->function(c->argument);
    }
    if (self->keys_used)
        kse_destroy_values(self);
    if (__atomic_sub_fetch(&kse.live, 1, __ATOMIC_ACQ_REL) == 0)
        exit(0); /* the last one ends the program */
    kse_enter();
    struct kse_vp *vp = self->vp;
    kse_spin_lock(&self->lock);
    self->result = result;
    self->ended = 1;
    joiner = kse_claim_first(&self->joiners);
    int detached = self->detached;
    kse_spin_unlock(&self->lock);
    /* From here on the joiner may give this block away; who gets it waits until its context is `saved`. */
    if (joiner)
        kse_ready(vp, joiner);
    if (detached)
        kse_free(self);
    struct kse_thread *next = kse_take(vp);
    kse_swap_for_ever(self, next ? next : vp->idle, vp);
}

/* --- begin -------------------------------------------------------------------------------------------------------- */
static void kse_end_cancelled(void) { kse_thread_exit(KSE_CANCELLED); }

static void kse_thread_start(void) {
    struct kse_thread *self = kse_self;
    kse_leave(self);
    kse_thread_exit(self->function(self->argument));
}

/* 0; EAGAIN: no memory. */
KSE_FUNCTION int kse_thread_create(kse_t *thread, const struct kse_attributes *a, void *(*function)(void *),
                                   void *argument) {
    struct kse_thread *self = kse_enter();
    if (kse.forked)
        kse_start_child();
    struct kse_thread *t = kse_allocate(a && a->stack_bytes ? a->stack_bytes : KSE_STACK);
    if (!t) {
        kse_leave(self);
        return EAGAIN;
    }
    t->pc = (unsigned long)kse_thread_start;
    t->mailbox.user_ns = t->mailbox.system_ns = 0;
    t->full = t->ended = t->cancelled = t->cancel_disabled = t->cancel_async = t->in_call = t->keys_used = 0;
    t->cleanup = NULL;
    t->joiners.first = t->joiners.last = NULL;
    t->priority = a && a->set_priority ? a->priority : self->priority;
    t->detached = a && a->detached;
    t->function = function;
    t->argument = argument;
    *thread = t;
    __atomic_add_fetch(&kse.live, 1, __ATOMIC_RELAXED);
    kse_ready(self->vp, t);
    kse_leave(self);
    return 0;
}

/* --- wait for ends ------------------------------------------------------------------------------------------------ */
static void kse_testcancel(void) {
    struct kse_thread *self = kse_self;
    if (__atomic_load_n(&self->cancelled, __ATOMIC_RELAXED) && !self->cancel_disabled)
        kse_thread_exit(KSE_CANCELLED);
}

/* 0; EDEADLK, of itself; EINVAL: detached; ETIMEDOUT at that time of CLOCK_MONOTONIC (0: never). */
KSE_FUNCTION int kse_thread_timedjoin(kse_t t, void **result, uint64_t deadline_ns) {
    struct kse_thread *self = kse_enter();
    int error = t == self ? EDEADLK : t->detached ? EINVAL : 0;
    if (!error) {
        kse_spin_lock(&t->lock);
        if (t->ended)
            kse_spin_unlock(&t->lock);
        else
            error = kse_sleep_in(self, &t->lock, &t->joiners, deadline_ns, !self->cancel_disabled);
    }
    if (!error) {
        if (result)
            *result = t->result;
        kse_free(t);
    }
    kse_leave(self);
    if (error == EINTR)
        kse_testcancel();
    return error;
}
static inline int kse_thread_join(kse_t t, void **result) {
    kse_testcancel();
    return kse_thread_timedjoin(t, result, 0);
}
static inline int kse_thread_detach(kse_t t) {
    struct kse_thread *self = kse_enter();
    kse_spin_lock(&t->lock);
    int error = t->detached ? EINVAL : 0, ended = t->ended;
    t->detached = 1;
    kse_spin_unlock(&t->lock);
    if (!error && ended)
        kse_free(t);
    kse_leave(self);
    return error;
}

static inline void kse_thread_setpriority(kse_t t, int priority) { t->priority = priority; } /* from its next turn on */
/* What the kernel has counted, at its ticks and at upcalls. */
static inline void kse_thread_times(kse_t t, uint64_t *user_ns, uint64_t *system_ns) {
    *user_ns = *(volatile unsigned long *)&t->mailbox.user_ns;
    *system_ns = *(volatile unsigned long *)&t->mailbox.system_ns;
}

#endif
