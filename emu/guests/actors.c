/* actors: message-passing programs after the Savina suite (Imam and Sarkar, 2014), over what carries their words.
 * Arguments: CARRIER PROGRAM N [ACTORS]. Prints "PROGRAM: M messages, T ns each"; exits with 1 if a count is wrong.
 *   pingpong N          one word to and fro, N times
 *   ring N ACTORS       one word around a ring of actors, N hops
 *   counting N          N words to one that counts them
 *   forkjoin N ACTORS   N words to each of the actors
 *   big N ACTORS        each actor sends N words to others by chance, and is answered
 *   chameneos N ACTORS  N meetings of two at a mall
 *   buffer N ACTORS     half of the actors produce N words each, the others consume, through a manager with 50 places */
#include "actors.h"
#include "arguments.h"

static long rounds, started_ns, messages;
static int nr_actors;
enum { MAIN = 0, STOP = -1 };

static void begin(void) { started_ns = now_ns(); }

static void expect(const char *what, long found, long wanted) {
    if (found != wanted) {
        fprintf(stderr, "%s: %ld, expected %ld\n", what, found, wanted);
        exit(1);
    }
}

/* --- pingpong, ring --- */

static void pong(int self, long argument) {
    (void)self, (void)argument;
    for (long word; (word = take()) != STOP;)
        post(MAIN, word + 1);
}

static void pingpong(void) {
    start_actor(1, pong, 0);
    begin();
    for (long i = 0; i < rounds; i++) {
        post(1, i);
        expect("answer", take(), i + 1);
    }
    messages = 2 * rounds;
    post(1, STOP);
    join_actor(1);
}

static void pass_on(int self, long argument) {
    (void)argument;
    int next = self == nr_actors - 1 ? MAIN : self + 1;
    for (long word; (word = take()) != STOP;)
        post(next, word - 1);
}

static void ring(void) {
    for (int k = 1; k < nr_actors; k++)
        start_actor(k, pass_on, 0);
    long laps = rounds / nr_actors + 1;
    post(1, nr_actors), expect("hops", nr_actors - take(), nr_actors - 1); /* all of them sleep in take from here on */
    begin();
    for (long lap = 0; lap < laps; lap++) {
        post(1, nr_actors);
        expect("hops", nr_actors - take(), nr_actors - 1);
    }
    messages = laps * nr_actors;
    long taken_ns = now_ns() - started_ns;
    for (int k = 1; k < nr_actors; k++) {
        post(k, STOP);
        join_actor(k);
    }
    started_ns = now_ns() - taken_ns; /* their end does not count */
}

/* --- counting, forkjoin --- */

static void count(int self, long reports_to) {
    (void)self;
    long counted = 0;
    for (long word; (word = take()) != STOP;)
        counted += word;
    post((int)reports_to, counted);
}

static void counting(void) {
    start_actor(1, count, MAIN);
    begin();
    for (long i = 0; i < rounds; i++)
        post(1, 1);
    post(1, STOP);
    expect("counted", take(), rounds);
    messages = rounds;
    join_actor(1);
}

static void forkjoin(void) {
    for (int k = 1; k <= nr_actors; k++)
        start_actor(k, count, MAIN);
    begin();
    for (long i = 0; i < rounds; i++)
        for (int k = 1; k <= nr_actors; k++)
            post(k, 1);
    for (int k = 1; k <= nr_actors; k++)
        post(k, STOP);
    long counted = 0;
    for (int k = 1; k <= nr_actors; k++)
        counted += take();
    expect("counted", counted, rounds * nr_actors);
    messages = rounds * nr_actors;
    for (int k = 1; k <= nr_actors; k++)
        join_actor(k);
}

/* --- big --- */

enum { PING = 1 << 20, PONG = 2 << 20 };

static void big_actor(int self, long argument) {
    unsigned long chance = 88172645463325252UL + self;
    long sent = 0, answered = 0;
    (void)argument;
    int waits = 1; /* until all are there */
    for (;;) {
        if (sent < rounds && !waits) {
            chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17;
            int other = 1 + (int)(chance % nr_actors);
            if (other == self)
                other = other % nr_actors + 1;
            post(other, PING | self);
            sent++, waits = 1;
        }
        long word = take();
        if (word == STOP)
            break;
        if (word & PING) {
            post((int)(word & (PING - 1)), PONG);
            continue;
        }
        waits = 0;
        if (word == PONG && ++answered == rounds)
            post(MAIN, 1);
    }
}

static void big(void) {
    if (nr_actors < 2)
        fail("big needs 2 actors at least", nr_actors);
    for (int k = 1; k <= nr_actors; k++)
        start_actor(k, big_actor, 0);
    begin();
    for (int k = 1; k <= nr_actors; k++)
        post(k, 0);
    for (int k = 1; k <= nr_actors; k++)
        take();
    messages = 2 * rounds * nr_actors;
    for (int k = 1; k <= nr_actors; k++)
        post(k, STOP);
    for (int k = 1; k <= nr_actors; k++)
        join_actor(k);
}

/* --- chameneos --- */

static void chameneo(int self, long colour) {
    long met = 0;
    for (;;) {
        post(MAIN, (long)self << 2 | colour);
        long other = take();
        if (other == STOP)
            break;
        met++;
        colour = colour == other ? colour : 3 - colour - other;
    }
    post(MAIN, met);
}

static void chameneos(void) {
    if (nr_actors < 2)
        fail("chameneos needs 2 actors at least", nr_actors);
    for (int k = 1; k <= nr_actors; k++)
        start_actor(k, chameneo, k % 3);
    begin();
    for (long meeting = 0; meeting < rounds; meeting++) {
        long one = take(), two = take();
        post((int)(one >> 2), two & 3);
        post((int)(two >> 2), one & 3);
    }
    messages = 4 * rounds;
    static int came[MAX_ACTORS];
    for (int k = 1; k <= nr_actors; k++) /* each comes once more, and is sent away */
        came[k] = (int)(take() >> 2);
    for (int k = 1; k <= nr_actors; k++)
        post(came[k], STOP);
    long met = 0;
    for (int k = 1; k <= nr_actors; k++)
        met += take();
    expect("met", met, 2 * rounds);
    for (int k = 1; k <= nr_actors; k++)
        join_actor(k);
}

/* --- a bounded buffer --- */

enum { PLACES = 50, FROM = 20 };
enum { MORE = 1L << 40, WORD = 2L << 40, DONE = 3L << 40, KIND = 3L << 40 };

static void produce(int self, long argument) {
    (void)argument;
    for (long i = 1; i <= rounds; i++) {
        post(MAIN, WORD | (long)self << FROM | (i & 0xFFFFF));
        take(); /* there is room for the next one */
    }
    post(MAIN, DONE | (long)self << FROM);
}

static void consume(int self, long argument) {
    long eaten = 0;
    (void)argument;
    for (;;) {
        post(MAIN, MORE | (long)self << FROM);
        if (take() == STOP)
            break;
        eaten++;
    }
    post(MAIN, eaten);
}

static void buffer(void) {
    int producers = nr_actors / 2, consumers = nr_actors - producers, producing = producers;
    if (producers == 0)
        fail("buffer needs 2 actors at least", nr_actors);
    static long held[PLACES];
    static int hungry[MAX_ACTORS], blocked[MAX_ACTORS];
    int nr_held = 0, nr_hungry = 0, nr_blocked = 0;
    for (int k = 1; k <= nr_actors; k++)
        start_actor(k, k <= producers ? produce : consume, 0);
    begin();
    while (producing > 0 || nr_held > 0) {
        long word = take();
        int from = (int)(word >> FROM & 0xFFFFF);
        if ((word & KIND) == DONE)
            producing--;
        else if ((word & KIND) == MORE)
            hungry[nr_hungry++] = from;
        else {
            held[nr_held++] = word & 0xFFFFF;
            if (nr_held < PLACES - producers)
                post(from, 0);
            else
                blocked[nr_blocked++] = from;
        }
        while (nr_held > 0 && nr_hungry > 0)
            post(hungry[--nr_hungry], held[--nr_held]);
        while (nr_blocked > 0 && nr_held < PLACES - producers)
            post(blocked[--nr_blocked], 0);
    }
    messages = 4 * rounds * producers;
    long eaten = 0;
    for (int stopped = 0, reports = 0; reports < consumers;) {
        while (nr_hungry > 0)
            post(hungry[--nr_hungry], STOP), stopped++;
        long word = take();
        if ((word & KIND) == MORE)
            hungry[nr_hungry++] = (int)(word >> FROM & 0xFFFFF);
        else
            eaten += word, reports++;
    }
    expect("eaten", eaten, rounds * producers);
    for (int k = 1; k <= nr_actors; k++)
        join_actor(k);
}

static const struct {
    const char *name;
    void (*run)(void);
} programs[] = {
    {"pingpong", pingpong}, {"ring", ring}, {"counting", counting}, {"forkjoin", forkjoin},
    {"big", big}, {"chameneos", chameneos}, {"buffer", buffer},
};

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: actors CARRIER PROGRAM [N [ACTORS]]\n");
        return 2;
    }
    choose_carrier(argv[1]);
    rounds = argument(argc, argv, 3, 1000, 1, 1L << 40);
    nr_actors = (int)argument(argc, argv, 4, 8, 1, MAX_ACTORS - 1);
    become(MAIN);
    for (size_t k = 0; k < sizeof programs / sizeof *programs; k++)
        if (strcmp(programs[k].name, argv[2]) == 0) {
            programs[k].run();
            long taken_ns = now_ns() - started_ns;
            printf("%s: %ld messages, %ld ns each\n", programs[k].name, messages, taken_ns / (messages ? messages : 1));
            return 0;
        }
    fprintf(stderr, "unknown program '%s': expected", argv[2]);
    for (size_t k = 0; k < sizeof programs / sizeof *programs; k++)
        fprintf(stderr, " %s", programs[k].name);
    fprintf(stderr, "\n");
    return 2;
}
