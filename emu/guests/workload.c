/* workload: threads that go through phases (run, sleep, lock, wait, fork …), as `emu run --workload` wrote them down.
 * Standard input is the compiled form (emu/workload/code.py), standard output what each thread saw: lines of words.
 * A run phase is a loop of exactly as many instructions as it asks for, so the work is the same under every policy.
 * Waits are by a futex of the waiter's own, so that a latency begins when its waker released it, not when it was seen. */
#include "workload.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { CPU_WORDS = 4, CHUNK = 50000, FIFO_PRIORITY = 50, MAX_DEPTH = 8, MAX_SLOTS = 3500 };

struct operation {
    char code;
    long a, b;
};

struct declaration {
    long instances, started, leader, nice, realtime, mask[CPU_WORDS], jitter_ppm, nr_operations, created;
    struct operation *operations;
};

/* One thread, or one after another where `join` made the slot free again. */
struct thread {
    const struct declaration *of, *parent;
    struct thread *next_child, *children, *next_free;
    pthread_t id;
    struct status *status;
    uint64_t random;
    _Atomic long alive;
    long created_ns, ended_ns, alive_ns, lives;
    long iterations, instructions, waits, past_cpu_ns, cpu_ns;
    struct histogram latency[KINDS];
};

static struct declaration *declarations;
static pthread_mutex_t *mutexes;
static struct queue *conditions, *barriers;

static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER; /* guards the slots and the totals of ended threads */
static struct thread *slots[MAX_SLOTS], *free_slots;
static long nr_slots;
/* What each slot's thread waits for, and the slot + 1 that holds each mutex: emu reads them when every thread waits. */
static struct status {
    int declaration, instance, kind, object; /* kind: the operation's code, 0 while it does not wait */
} statuses[MAX_SLOTS];
static int *holders;
static _Atomic int leaders;
static long leaders_done_ns;
static _Atomic int refused[REFUSALS], stopping;

static void die(const char *what, long value) {
    fprintf(stderr, "workload: %s (%ld)\n", what, value);
    exit(1);
}

static uint64_t draw(uint64_t *state) { /* splitmix64 */
    uint64_t z = *state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static long jittered(struct thread *t, long value) {
    if (t->of->jitter_ppm == 0)
        return value;
    double share = (double)(draw(&t->random) >> 11) * 0x1p-52 - 1; /* -1 to 1 */
    return (long)((double)value * (1 + share * (double)t->of->jitter_ppm / 1e6));
}

/* --- phases ----------------------------------------------------------------------------------------------------- */

static void run(struct thread *t, long instructions) {
    while (instructions > 0 && !stopping) { /* in parts, so that a thread that never ends can be accounted for */
        long part = instructions < CHUNK ? instructions : CHUNK, steps = (part + 1) / 2;
        __asm__ volatile("1: addi %0, %0, -1\n   bnez %0, 1b" : "+r"(steps));
        instructions -= part;
        t->instructions += part;
        t->cpu_ns = clock_ns(THREAD_USER_TIME);
    }
}

static void sleep_for(struct thread *t, long ns) {
    struct timespec time = {ns / SECOND_NS, ns % SECOND_NS};
    long start_ns = clock_ns(CLOCK_MONOTONIC);
    nanosleep(&time, NULL);
    record(&t->latency[SLEEP], clock_ns(CLOCK_MONOTONIC) - start_ns - ns);
    t->waits++;
}

static void waits_for(struct thread *t, int kind, long object) {
    t->status->object = (int)object;
    t->status->kind = kind;
}

static void lock(struct thread *t, pthread_mutex_t *mutex) {
    int *holder = &holders[mutex - mutexes];
    if (pthread_mutex_trylock(mutex) == 0) {
        *holder = (int)(t->status - statuses) + 1;
        return;
    }
    waits_for(t, 'l', mutex - mutexes);
    long start_ns = clock_ns(CLOCK_MONOTONIC);
    pthread_mutex_lock(mutex);
    *holder = (int)(t->status - statuses) + 1;
    waits_for(t, 0, 0);
    record(&t->latency[LOCK], clock_ns(CLOCK_MONOTONIC) - start_ns);
    t->waits++;
}

static void unlock(pthread_mutex_t *mutex) {
    holders[mutex - mutexes] = 0;
    pthread_mutex_unlock(mutex);
}

static void park(struct thread *t, struct waiter *self, int kind, long object) {
    waits_for(t, kind == WAIT ? 'w' : 'm', object);
    while (!atomic_load(&self->released))
        futex_wait(&self->released, 0);
    waits_for(t, 0, 0);
    record(&t->latency[kind], clock_ns(CLOCK_MONOTONIC) - self->released_ns);
    t->waits++;
}

static void wait_on(struct thread *t, struct queue *condition, pthread_mutex_t *mutex) {
    struct waiter self = {0};
    pthread_mutex_lock(&condition->lock);
    if (condition->count > 0) { /* a signal that found nobody waiting */
        condition->count--;
        pthread_mutex_unlock(&condition->lock);
        return;
    }
    append(condition, &self); /* before the mutex is released: no signal that follows is missed */
    pthread_mutex_unlock(&condition->lock);
    unlock(mutex);
    park(t, &self, WAIT, condition - conditions);
    lock(t, mutex);
}

static void signal_one(struct queue *condition) {
    pthread_mutex_lock(&condition->lock);
    struct waiter *first = condition->first;
    if (first == NULL) {
        condition->count++;
    } else {
        condition->first = first->next;
        first->next = NULL;
    }
    pthread_mutex_unlock(&condition->lock);
    release_all(first);
}

static void broadcast(struct queue *condition) {
    pthread_mutex_lock(&condition->lock);
    struct waiter *all = condition->first;
    condition->first = NULL;
    pthread_mutex_unlock(&condition->lock);
    release_all(all);
}

static void meet(struct thread *t, struct queue *barrier) {
    struct waiter self = {0}, *all = NULL;
    pthread_mutex_lock(&barrier->lock);
    int last = ++barrier->count == barrier->parties;
    if (last) {
        all = barrier->first;
        barrier->first = NULL;
        barrier->count = 0;
    } else {
        append(barrier, &self);
    }
    pthread_mutex_unlock(&barrier->lock);
    if (last)
        release_all(all);
    else
        park(t, &self, BARRIER, barrier - barriers);
}

/* --- threads ---------------------------------------------------------------------------------------------------- */

static void *live(void *);

static struct thread *take_slot(const struct declaration *of) {
    pthread_mutex_lock(&slots_lock);
    struct thread **link = &free_slots, *t;
    while (*link != NULL && (*link)->of != of)
        link = &(*link)->next_free;
    if ((t = *link) != NULL) {
        *link = t->next_free;
    } else {
        if (nr_slots == MAX_SLOTS)
            die("too many threads that nobody joined", nr_slots);
        t = calloc(1, sizeof *t);
        if (t == NULL)
            die("no memory for a thread", nr_slots);
        t->of = of;
        t->status = &statuses[nr_slots];
        t->status->declaration = (int)(of - declarations);
        t->status->instance = (int)declarations[of - declarations].created++;
        slots[nr_slots++] = t;
    }
    pthread_mutex_unlock(&slots_lock);
    return t;
}

static struct thread *create(const struct declaration *of, const struct declaration *parent, uint64_t random) {
    struct thread *t = take_slot(of);
    t->parent = parent;
    t->children = NULL;
    t->random = random;
    t->created_ns = clock_ns(CLOCK_MONOTONIC);
    t->lives++;
    atomic_store(&t->alive, 1);
    int error = pthread_create(&t->id, NULL, live, t);
    if (error != 0)
        die("a thread cannot start", error);
    return t;
}

static void fork_threads(struct thread *t, const struct declaration *of) {
    atomic_fetch_add(&leaders, of->leader ? (int)of->instances : 0);
    for (long k = 0; k < of->instances; k++) {
        struct thread *child = create(of, t->of, draw(&t->random));
        child->next_child = t->children;
        t->children = child;
    }
}

static void join_threads(struct thread *t, const struct declaration *of) {
    struct thread **link = &t->children, *child;
    while ((child = *link) != NULL) {
        if (child->of != of) {
            link = &child->next_child;
            continue;
        }
        *link = child->next_child;
        long waited = atomic_load(&child->alive);
        waits_for(t, 'j', of - declarations);
        pthread_join(child->id, NULL);
        waits_for(t, 0, 0);
        if (waited) {
            record(&t->latency[JOIN], clock_ns(CLOCK_MONOTONIC) - child->ended_ns);
            t->waits++;
        }
        pthread_mutex_lock(&slots_lock);
        child->next_free = free_slots;
        free_slots = child;
        pthread_mutex_unlock(&slots_lock);
    }
}

static void go_through(struct thread *t) {
    const struct operation *operations = t->of->operations;
    long left[MAX_DEPTH], looped = 0;
    int depth = 0;
    for (long k = 0; k < t->of->nr_operations && !stopping; k++) {
        const struct operation *o = &operations[k];
        switch (o->code) {
        case 'r': run(t, jittered(t, o->a)); break;
        case 's': sleep_for(t, jittered(t, o->a)); break;
        case 'l': lock(t, &mutexes[o->a]); break;
        case 'u': unlock(&mutexes[o->a]); break;
        case 'w': wait_on(t, &conditions[o->a], &mutexes[o->b]); break;
        case 'n': signal_one(&conditions[o->a]); break;
        case 'b': broadcast(&conditions[o->a]); break;
        case 'm': meet(t, &barriers[o->a]); break;
        case 'f': fork_threads(t, &declarations[o->a]); break;
        case 'j': join_threads(t, &declarations[o->a]); break;
        case 'y':
            for (long n = 0; n < o->a; n++)
                sched_yield();
            break;
        case '[': left[depth++] = o->a; break;
        case ']': /* a: where its '[' is */
            if (depth == 1)
                t->iterations++, looped = 1;
            if (left[depth - 1] < 0 || --left[depth - 1] > 0)
                k = o->a;
            else
                depth--;
            break;
        default: die("unknown operation", o->code);
        }
        if (o->code != 'r')
            t->cpu_ns = clock_ns(THREAD_USER_TIME);
    }
    t->iterations += !looped;
}

/* Priority and affinity are inherited, so a default has to be set again where the parent's is none. */
static void adopt_parameters(const struct declaration *own, const struct declaration *parent) {
    if ((own->nice != (parent ? parent->nice : 0)) && setpriority(PRIO_PROCESS, (id_t)gettid(), (int)own->nice) != 0)
        refused[NICE] = errno;
    if (own->realtime != (parent ? parent->realtime : 0)) {
        struct sched_param parameter = {.sched_priority = own->realtime ? FIFO_PRIORITY : 0};
        /* musl's wrapper only says ENOSYS */
        if (syscall(SYS_sched_setscheduler, 0, own->realtime ? SCHED_FIFO : SCHED_OTHER, &parameter) != 0)
            refused[REALTIME] = errno;
    }
    static const long everywhere[CPU_WORDS];
    if (memcmp(own->mask, parent ? parent->mask : everywhere, sizeof own->mask) != 0) {
        int bound = memcmp(own->mask, everywhere, sizeof own->mask) != 0;
        cpu_set_t set;
        memset(&set, bound ? 0 : 0xFF, sizeof set);
        if (bound)
            memcpy(&set, own->mask, sizeof own->mask);
        if (sched_setaffinity(0, sizeof set, &set) != 0)
            refused[AFFINITY] = errno;
    }
}

static void *live(void *argument) {
    struct thread *t = argument;
    record(&t->latency[START], clock_ns(CLOCK_MONOTONIC) - t->created_ns);
    adopt_parameters(t->of, t->parent);
    go_through(t);
    long cpu_ns = clock_ns(THREAD_USER_TIME); /* before a lock that may have to be waited for */
    pthread_mutex_lock(&slots_lock);
    t->ended_ns = clock_ns(CLOCK_MONOTONIC);
    t->alive_ns += t->ended_ns - t->created_ns;
    t->past_cpu_ns += cpu_ns;
    t->cpu_ns = 0;
    if (t->of->leader)
        leaders_done_ns = t->ended_ns;
    atomic_store(&t->alive, 0);
    pthread_mutex_unlock(&slots_lock);
    if (t->of->leader && atomic_fetch_sub(&leaders, 1) == 1)
        futex_wake(&leaders, 1);
    return NULL;
}

/* --- program and result ----------------------------------------------------------------------------------------- */

static long number(void) {
    long value;
    if (scanf("%ld", &value) != 1)
        die("the program ends early", 0);
    return value;
}

static void *some(long count, size_t size) {
    void *memory = calloc((size_t)count + 1, size);
    if (memory == NULL)
        die("no memory for the program", count);
    return memory;
}

static void read_declaration(struct declaration *d) {
    long *fields[] = {&d->instances, &d->started, &d->leader, &d->nice, &d->realtime,
                      &d->mask[0], &d->mask[1], &d->mask[2], &d->mask[3], &d->jitter_ppm, &d->nr_operations};
    for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
        *fields[k] = number();
    d->operations = some(d->nr_operations, sizeof *d->operations);
    for (long k = 0; k < d->nr_operations; k++) {
        struct operation *o = &d->operations[k];
        if (scanf(" %c %ld %ld", &o->code, &o->a, &o->b) != 3)
            die("the program ends early, at operation", k);
    }
}

static void write_result(FILE *out, long start_ns) {
    pthread_mutex_lock(&slots_lock);
    long now_ns = clock_ns(CLOCK_MONOTONIC);
    fprintf(out, "makespan %ld\n", leaders_done_ns - start_ns);
    for (int k = 0; k < REFUSALS; k++)
        if (refused[k] != 0)
            fprintf(out, "refused %d %d\n", k, refused[k]);
    for (long k = 0; k < nr_slots; k++) {
        const struct thread *t = slots[k];
        long alive = t->alive, alive_ns = t->alive_ns + (alive ? now_ns - t->created_ns : 0);
        fprintf(out, "thread %ld %ld %ld %ld %ld %ld %ld %ld\n", (long)(t->of - declarations), t->iterations,
                t->instructions, t->past_cpu_ns + t->cpu_ns, alive_ns, t->waits, t->lives, alive);
        for (int kind = 0; kind < KINDS; kind++)
            write_histogram(out, kind, &t->latency[kind]);
    }
    fprintf(out, "end\n");
    fclose(out);
    pthread_mutex_unlock(&slots_lock);
}

int main(void) {
    uint64_t random = (uint64_t)number();
    long nr_mutexes = number(), nr_conditions = number(), nr_barriers = number(), nr_declarations = number();
    mutexes = some(nr_mutexes, sizeof *mutexes); /* all zero is a mutex's initial value */
    holders = some(nr_mutexes, sizeof *holders);
    conditions = some(nr_conditions, sizeof *conditions);
    barriers = some(nr_barriers, sizeof *barriers);
    declarations = some(nr_declarations, sizeof *declarations);
    for (long k = 0; k < nr_barriers; k++)
        barriers[k].parties = number();
    for (long k = 0; k < nr_declarations; k++) {
        read_declaration(&declarations[k]);
        if (declarations[k].started && declarations[k].leader)
            leaders += (int)declarations[k].instances;
    }
    printf("waits %ld %ld %ld\n", (long)statuses, (long)&nr_slots, (long)holders);
    fflush(stdout);
    long start_ns = clock_ns(CLOCK_MONOTONIC);
    for (long k = 0; k < nr_declarations; k++)
        for (long n = 0; declarations[k].started && n < declarations[k].instances; n++)
            create(&declarations[k], NULL, draw(&random));
    int left;
    while ((left = atomic_load(&leaders)) > 0)
        futex_wait(&leaders, left);
    char *text;
    size_t size;
    write_result(open_memstream(&text, &size), start_ns);
    stopping = 1; /* before the first system call that waits: a policy may never run us again beside endless threads */
    fwrite(text, 1, size, stdout);
    fflush(stdout);
    _exit(0); /* threads that wait go with the task */
}
