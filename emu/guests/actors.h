/* Actors for the message-passing guests: each is a thread with a number; words are sent to numbers. What carries them
 * is chosen by name: "ipc" (a rendezvous), "mailbox", "channel" (a port for each actor). Included by one C file each. */
#ifndef ACTORS_H
#define ACTORS_H

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "emu.h"

enum { MAX_ACTORS = 16000, PATIENCE_NS = 200000 };

struct actor {
    void (*body)(int self, long argument);
    long argument;
    pthread_t thread;
    int tid; /* once it can be sent to */
    long port, channel;
    long *backlog; /* words that came while it could not send, oldest first */
    int first, count, room;
};
static struct actor actors[MAX_ACTORS];
static __thread int self_number = -1;

static void fail(const char *what, long result) {
    fprintf(stderr, "actor %d: %s: error %ld\n", self_number, what, result);
    exit(1);
}

static inline long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* --- what carries words: a receiver waits for anybody's; a sender never waits for one that waits for it --- */

static int backlog_take(struct actor *a, long *word) {
    if (a->count == 0)
        return 0;
    *word = a->backlog[a->first++];
    if (--a->count == 0)
        a->first = 0;
    return 1;
}

static void backlog_put(struct actor *a, long word) {
    if (a->first + a->count == a->room) {
        a->room = a->room ? 2 * a->room : 16;
        a->backlog = realloc(a->backlog, a->room * sizeof *a->backlog);
        if (a->backlog == NULL)
            fail("no memory for words that came", 0);
    }
    a->backlog[a->first + a->count++] = word;
}

static inline long ipc_take(void) {
    struct emu_message m = {.mr = {0}};
    long word;
    if (backlog_take(&actors[self_number], &word))
        return word;
    long from = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
    if (from < 0)
        fail("receive", from);
    return m.mr[0];
}

/* Two that send to each other would wait for ever, since neither receives: so what waits to be received here is taken
 * first, and who waits long looks again. */
static inline void ipc_post(int number, long word) {
    struct emu_message m = {.mr = {word}};
    long result = emu_ipc(actors[number].tid, EMU_NILTHREAD, EMU_REPLY, -1, &m);
    while (result == -11 || result == -110) {
        struct emu_message other = {.mr = {0}};
        while (emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, 0, &other) > 0)
            backlog_put(&actors[self_number], other.mr[0]);
        m.mr[0] = word;
        result = emu_ipc(actors[number].tid, EMU_NILTHREAD, 0, PATIENCE_NS, &m);
    }
    if (result < 0)
        fail("send", result);
}

static void mailbox_post(int number, long word) {
    long result;
    while ((result = emu_mailbox_send(actors[number].tid, word, 0, 0, 0)) == -11)
        sched_yield(); /* it is full */
    if (result < 0)
        fail("send", result);
}
static long mailbox_take(void) {
    struct emu_mail mail;
    long from = emu_mailbox_receive(&mail, -1);
    if (from < 0)
        fail("receive", from);
    return mail.words[0];
}

static void channel_open(int self) {
    actors[self].port = emu_port_create(sizeof(long), 0);
    actors[self].channel = actors[self].port < 0 ? actors[self].port : emu_chan_create(actors[self].port);
    if (actors[self].channel < 0)
        fail("no port", actors[self].channel);
}
static void channel_post(int number, long word) {
    long result;
    while ((result = emu_chan_send(actors[number].channel, &word, sizeof word)) == -11)
        sched_yield(); /* it is full */
    if (result < 0)
        fail("send", result);
}
static long channel_take(void) {
    long word;
    long result = emu_port_receive(actors[self_number].port, &word, sizeof word, -1, NULL);
    if (result != sizeof word)
        fail("receive", result);
    return word;
}

struct carrier {
    const char *name;
    void (*open)(int self);
    void (*post)(int number, long word);
    long (*take)(void);
};
static void open_nothing(int self) { (void)self; }
static const struct carrier carriers[] = {
    {"ipc", open_nothing, ipc_post, ipc_take},
    {"mailbox", open_nothing, mailbox_post, mailbox_take},
    {"channel", channel_open, channel_post, channel_take},
};
static const struct carrier *carrier = &carriers[0];

static void choose_carrier(const char *name) {
    for (size_t k = 0; k < sizeof carriers / sizeof *carriers; k++)
        if (strcmp(carriers[k].name, name) == 0) {
            carrier = &carriers[k];
            return;
        }
    fprintf(stderr, "unknown carrier '%s': expected", name);
    for (size_t k = 0; k < sizeof carriers / sizeof *carriers; k++)
        fprintf(stderr, " %s", carriers[k].name);
    fprintf(stderr, "\n");
    exit(2);
}

static inline void post(int number, long word) { carrier->post(number, word); }
static inline long take(void) { return carrier->take(); }

/* --- life --- */

static void become(int number) {
    self_number = number;
    carrier->open(number);
    __atomic_store_n(&actors[number].tid, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
}

static void *actor_begin(void *argument) {
    int number = (int)(long)argument;
    become(number);
    actors[number].body(number, actors[number].argument);
    free(actors[number].backlog);
    return NULL;
}

/* Start an actor, and return when it can be sent to. */
static void start_actor(int number, void (*body)(int, long), long argument) {
    pthread_attr_t attributes;
    actors[number] = (struct actor){.body = body, .argument = argument};
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16384);
    int error = pthread_create(&actors[number].thread, &attributes, actor_begin, (void *)(long)number);
    if (error != 0) {
        fprintf(stderr, "actor %d cannot start: error %d\n", number, error);
        exit(1);
    }
    while (__atomic_load_n(&actors[number].tid, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
}

static void join_actor(int number) { pthread_join(actors[number].thread, NULL); }

#endif
