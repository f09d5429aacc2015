/* N - 1 threads set a, then b; one looks at both in between. */
#include "shape.h"
static volatile int a, b;
static void *set(void *u) { a = 1; b = -1; return u; }
static void *check(void *u) { int x = a, y = b; CHECK((x == 0 && y == 0) || (x == 1 && y == -1)); return u; }
int main(int argc, char **argv) {
    body all[128];
    int count = argc > 1 ? atoi(argv[1]) : 3;
    for (int n = 0; n < count - 1; n++) all[n] = set;
    all[count - 1] = check;
    together(all, count);
    return 0;
}
