/* bench_fp: double-precision speed on one thread: the orbits of the sun and four planets (the n-body problem),
 * with square roots, divisions and fused multiply-adds.
 * Arguments: ITERATIONS (default 2000). One iteration is 100 time steps, about 50000 instructions.
 * Prints the system's energy, which hardly changes, in decimal and to the last bit. */
#include <math.h>
#include <stdio.h>

#include "arguments.h"

enum { BODIES = 5, STEPS = 100 };
#define DAYS 365.24
#define SOLAR_MASS (4 * 3.141592653589793 * 3.141592653589793)

/* Positions in astronomical units, velocities in the same a year, masses in units in which gravity is 1. */
static struct body {
    double x, y, z, vx, vy, vz, mass;
} bodies[BODIES] = {
    {0, 0, 0, 0, 0, 0, SOLAR_MASS},
    {4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01, 1.66007664274403694e-03 * DAYS,
     7.69901118419740425e-03 * DAYS, -6.90460016972063023e-05 * DAYS, 9.54791938424326609e-04 * SOLAR_MASS},
    {8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01, -2.76742510726411899e-03 * DAYS,
     4.99852801234917238e-03 * DAYS, 2.30417297573763929e-05 * DAYS, 2.85885980666130812e-04 * SOLAR_MASS},
    {1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01, 2.96460137564761618e-03 * DAYS,
     2.37847173959480950e-03 * DAYS, -2.96589568540237556e-05 * DAYS, 4.36624404335156298e-05 * SOLAR_MASS},
    {1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01, 2.68067772490389322e-03 * DAYS,
     1.62824170038242295e-03 * DAYS, -9.51592254519715870e-05 * DAYS, 5.15138902046611451e-05 * SOLAR_MASS},
};

static void advance(double years) {
    for (struct body *a = bodies; a < bodies + BODIES; a++)
        for (struct body *b = a + 1; b < bodies + BODIES; b++) {
            double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
            double square = dx * dx + dy * dy + dz * dz;
            double pull = years / (square * sqrt(square));
            a->vx -= dx * b->mass * pull, a->vy -= dy * b->mass * pull, a->vz -= dz * b->mass * pull;
            b->vx += dx * a->mass * pull, b->vy += dy * a->mass * pull, b->vz += dz * a->mass * pull;
        }
    for (struct body *a = bodies; a < bodies + BODIES; a++)
        a->x += years * a->vx, a->y += years * a->vy, a->z += years * a->vz;
}

static double energy(void) {
    double sum = 0;
    for (struct body *a = bodies; a < bodies + BODIES; a++) {
        sum += a->mass * (a->vx * a->vx + a->vy * a->vy + a->vz * a->vz) / 2;
        for (struct body *b = a + 1; b < bodies + BODIES; b++) {
            double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
            sum -= a->mass * b->mass / sqrt(dx * dx + dy * dy + dz * dz);
        }
    }
    return sum;
}

int main(int argc, char **argv) {
    long iterations = argument(argc, argv, 1, 2000, 0, 1L << 40);
    for (long i = 0; i < iterations * STEPS; i++)
        advance(0.001);
    printf("energy %.9f %a\n", energy(), energy());
    return 0;
}
