/* mandelbrot: the demo. Threads take rows of a Mandelbrot set off a shared counter and the main thread shows
 * the rows in order, as they come, each with one write().
 * Arguments: WIDTH HEIGHT ITERATIONS THREADS (default 100 40 45000 8: about 430 million instructions).
 * Coloured if COLORTERM is set or TERM names 256 colours, plain characters otherwise; EMU_PLAIN=1 forces plain.
 * The last lines say which thread computed how many rows. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"

enum { MAX_WIDTH = 400, MAX_HEIGHT = 2000, MAX_THREADS = 256, CELL_BYTES = 16 };

static int width = 100, height = 40, iterations = 45000, threads = 8;
static int coloured;

static atomic_int next_row;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t row_finished = PTHREAD_COND_INITIALIZER;
static char *finished[MAX_HEIGHT]; /* guarded by lock: the text of each row, NULL until it is computed */
static int rows_of[MAX_THREADS];   /* each written by its own thread, read after the join */

/* Iterations until the point escapes; `iterations` if it does not. */
static int escape_time(double re, double im) {
    double x = 0, y = 0;
    for (int i = 0; i < iterations; i++) {
        double x2 = x * x, y2 = y * y;
        if (x2 + y2 > 4.0)
            return i;
        y = 2 * x * y + im;
        x = x2 - y2 + re;
    }
    return iterations;
}

static char *put_cell(char *out, int escaped, int *last_colour) {
    static const char shades[] = ".,:;-=+*oxOX%$&#";
    /* The 256-colour cube from blue over magenta and orange to yellow; escape times grow like powers of two. */
    static const unsigned char palette[] = {17, 18, 19, 20, 57, 93, 129, 165, 201, 199, 198, 197, 196, 202, 208, 214, 220, 226};
    if (!coloured) {
        *out = escaped == iterations ? ' ' : shades[escaped % (int)(sizeof shades - 1)];
        return out + 1;
    }
    int colour = escaped == iterations ? 16 : palette[escaped % (int)sizeof palette];
    if (colour != *last_colour)
        out += sprintf(out, "\033[48;5;%dm", colour);
    *last_colour = colour;
    *out = ' ';
    return out + 1;
}

static char *draw_row(int row) {
    char *text = malloc((size_t)width * CELL_BYTES + 8), *out = text;
    if (text == NULL)
        abort();
    int last_colour = -1;
    double im = (row + 0.5) * 2.4 / height - 1.2;
    for (int column = 0; column < width; column++)
        out = put_cell(out, escape_time((column + 0.5) * 3.2 / width - 2.3, im), &last_colour);
    strcpy(out, coloured ? "\033[0m\n" : "\n");
    return text;
}

static void *work(void *argument) {
    int self = (int)(long)argument, row;
    while ((row = atomic_fetch_add(&next_row, 1)) < height) {
        char *text = draw_row(row);
        rows_of[self]++;
        pthread_mutex_lock(&lock);
        finished[row] = text;
        pthread_cond_signal(&row_finished);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void show_rows(void) {
    for (int row = 0; row < height; row++) {
        pthread_mutex_lock(&lock);
        while (finished[row] == NULL)
            pthread_cond_wait(&row_finished, &lock);
        pthread_mutex_unlock(&lock);
        for (size_t done = 0, size = strlen(finished[row]); done < size;) {
            ssize_t count = write(STDOUT_FILENO, finished[row] + done, size - done);
            if (count <= 0)
                exit(1);
            done += (size_t)count;
        }
        free(finished[row]);
    }
}

static int wants_colour(void) {
    const char *term = getenv("TERM");
    if (getenv("EMU_PLAIN") != NULL)
        return 0;
    return getenv("COLORTERM") != NULL || (term != NULL && strstr(term, "256") != NULL);
}

int main(int argc, char **argv) {
    width = (int)argument(argc, argv, 1, width, 1, MAX_WIDTH);
    height = (int)argument(argc, argv, 2, height, 1, MAX_HEIGHT);
    iterations = (int)argument(argc, argv, 3, iterations, 1, 1000000000);
    threads = (int)argument(argc, argv, 4, threads, 1, MAX_THREADS);
    coloured = wants_colour();

    pthread_t ids[MAX_THREADS];
    for (long i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, work, (void *)i) != 0) {
            fprintf(stderr, "mandelbrot: cannot create thread %ld\n", i);
            return 1;
        }
    show_rows();
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);

    printf("%d rows by %d threads:", height, threads);
    for (int i = 0; i < threads; i++)
        printf(" %d:%d", i, rows_of[i]);
    printf("\n");
    return 0;
}
