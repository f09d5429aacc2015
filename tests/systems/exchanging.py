"""A guest whose threads and tasks exchange messages of each kind at once: calls of IPC, mailboxes, a channel.

It prints "begins" once all kinds are under way, goes on until /host/over is there, or for ever, and prints "whole"
where each message came once and in order.
"""

EXCHANGE = """
#include <sys/mman.h>
#include <sys/wait.h>
enum { SENDERS = 2, ENOUGH = 50, LAST = -1, TRIES_LATER = -11 };
struct record { long who, number; };
static struct shared {
    atomic_int over, server, receiver;
    atomic_long calls, mails, records;
} *s;
static long port, chan;
static void must(int holds, int status) {
    if (!holds)
        _exit(status);
}
static void *serve(void *argument) {
    struct emu_message m = {0};
    s->server = gettid();
    long client = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
    while (m.mr[0] != LAST) {
        must(client > 0, 11);
        m.mr[0]++;
        client = emu_ipc((int)client, EMU_ANYTHREAD, EMU_REPLY, -1, &m);
    }
    return argument;
}
static void *call_on(void *argument) {
    struct emu_message m = {0};
    while (!s->server)
        sched_yield();
    for (long k = 0; !s->over; k++, s->calls++) {
        m.mr[0] = k;
        must(emu_ipc(s->server, s->server, 0, -1, &m) == s->server && m.mr[0] == k + 1, 12);
    }
    return argument;
}
static void *take_mail(void *argument) {
    struct emu_mail m;
    long next[SENDERS] = {0};
    s->receiver = gettid();
    for (int left = SENDERS; left > 0; s->mails++) {
        must(emu_mailbox_receive(&m, -1) > 0 && m.words[0] >= 0 && m.words[0] < SENDERS, 13);
        if (m.words[1] == LAST)
            left--;
        else
            must(m.words[1] == next[m.words[0]]++, 14);
    }
    return argument;
}
static void *send_mail(void *argument) {
    long who = (long)argument, ends = 0;
    while (!s->receiver)
        sched_yield();
    for (long k = 0; !ends; k++) {
        ends = s->over;
        long result;
        while ((result = emu_mailbox_send(s->receiver, who, ends ? LAST : k, 0, 0)) == TRIES_LATER)
            sched_yield();
        must(result == 0, 15);
    }
    return NULL;
}
static void *take_records(void *argument) {
    struct record some[8];
    long next[SENDERS] = {0}, n;
    for (int left = SENDERS; left > 0; s->records++) {
        must((n = emu_port_receive_many(port, some, 8, -1, NULL)) > 0, 16);
        for (long k = 0; k < n; k++) {
            if (some[k].number == LAST)
                left--;
            else
                must(some[k].number == next[some[k].who]++, 17);
        }
    }
    return argument;
}
static void *send_records(void *argument) {
    long who = (long)argument, ends = 0;
    for (long k = 0; !ends; k++) {
        ends = s->over;
        struct record one = {who, ends ? LAST : k};
        long result;
        while ((result = emu_chan_send(chan, &one, sizeof one)) == TRIES_LATER)
            sched_yield();
        must(result == 0, 18);
    }
    return NULL;
}
static pthread_t threads[3 + 3 * SENDERS];
static int nr_threads;
static void begin(void *function(void *), long argument) {
    must(pthread_create(&threads[nr_threads++], NULL, function, (void *)argument) == 0, 19);
}
int main(void) {
    int status = 0;
    s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(s != MAP_FAILED && (port = emu_port_create(sizeof(struct record), 64)) > 0, 20);
    must((chan = emu_chan_create(port)) > 0, 21);
    pid_t child = fork(); /* calls come from another task, too */
    if (child == 0) {
        call_on(NULL);
        _exit(0);
    }
    begin(serve, 0);
    begin(take_mail, 0);
    begin(take_records, 0);
    for (long who = 0; who < SENDERS; who++)
        begin(call_on, who), begin(send_mail, who), begin(send_records, who);
    while (s->calls < ENOUGH || s->mails < ENOUGH || s->records < ENOUGH)
        nap(1000);
    puts("begins");
    fflush(stdout);
    while (access("/host/over", F_OK) != 0)
        nap(10000);
    s->over = 1;
    must(waitpid(child, &status, 0) == child && status == 0, 22);
    for (int k = 3; k < nr_threads; k++)
        pthread_join(threads[k], NULL);
    struct emu_message m = {.mr = {LAST}};
    must(emu_ipc(s->server, EMU_NILTHREAD, 0, -1, &m) == 0, 23);
    for (int k = 0; k < 3; k++)
        pthread_join(threads[k], NULL);
    puts("whole");
    return 0;
}
"""
