/* Calls that block in the kernel do not block the other user threads: reads of pipes, accept, connections, poll; and
 * each completed call comes back once, with its result. */
#include <netinet/in.h>

#include "kse_check.h"

enum { READERS = 40, ROUNDS = 20, CLIENTS = 8 };

static int to[READERS][2], from[READERS][2];
static atomic_long spins;
static atomic_int over;

static void *echo(void *argument) {
    long n = (long)argument, value, count = 0;
    while (read(to[n][0], &value, sizeof value) == sizeof value) {
        value += n;
        CHECK(write(from[n][1], &value, sizeof value) == sizeof value);
        count++;
    }
    close(from[n][1]);
    return (void *)count;
}

static void *spin(void *unused) {
    while (!over) {
        spins++;
        kse_yield();
    }
    return unused;
}

static void pipes(void) {
    kse_t readers[READERS], spinner = create(spin, 0);
    for (long n = 0; n < READERS; n++) {
        CHECK(pipe(to[n]) == 0 && pipe(from[n]) == 0);
        readers[n] = create(echo, n);
    }
    for (long round = 0; round < ROUNDS; round++) {
        for (int n = 0; n < READERS; n++) {
            long value = round * 1000;
            CHECK(write(to[n][1], &value, sizeof value) == sizeof value);
        }
        for (int n = 0; n < READERS; n++) {
            long value = 0;
            CHECK(read(from[n][0], &value, sizeof value) == sizeof value && value == round * 1000 + n);
        }
    }
    for (int n = 0; n < READERS; n++) {
        close(to[n][1]);
        CHECK(join(readers[n]) == ROUNDS);
        close(to[n][0]), close(from[n][0]);
    }
    CHECK(spins > 0);
    over = 1;
    join(spinner);
}

static int listener;
static struct sockaddr_in address = {.sin_family = AF_INET};

static void *serve(void *argument) {
    int connection = (int)(long)argument;
    char word[16];
    ssize_t n;
    while ((n = read(connection, word, sizeof word)) > 0)
        CHECK(write(connection, word, (size_t)n) == n);
    close(connection);
    return NULL;
}
static void *accept_all(void *unused) {
    kse_t servers[CLIENTS];
    for (int n = 0; n < CLIENTS; n++) {
        long connection = kse_accept(listener, NULL, NULL);
        CHECK(connection >= 0);
        servers[n] = create(serve, connection);
    }
    for (int n = 0; n < CLIENTS; n++)
        join(servers[n]);
    return unused;
}
static void *ask(void *argument) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char word[16];
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        int length = snprintf(word, sizeof word, "%ld.%d", (long)argument, round);
        CHECK(write(fd, word, (size_t)length) == length);
        struct pollfd wanted = {fd, POLLIN, 0};
        CHECK(kse_poll(&wanted, 1, -1) == 1);
        char back[16] = {0};
        CHECK(read(fd, back, sizeof back) == length && strcmp(back, word) == 0);
    }
    close(fd);
    return argument;
}

int main(int argc, char **argv) {
    start(argc, argv, KSE_QUANTUM_NS);
    pipes();
    listener = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, CLIENTS) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    kse_t clients[CLIENTS], server = create(accept_all, 0);
    for (long n = 0; n < CLIENTS; n++)
        clients[n] = create(ask, n);
    for (long n = 0; n < CLIENTS; n++)
        CHECK(join(clients[n]) == n);
    join(server);
    close(listener);
    return ok("blocking");
}
