/* exitcode: exits at once.
 * Arguments: N (default 0), the exit status, of which the machine keeps the low 8 bits. Prints nothing. */
#include <stdlib.h>

#include "arguments.h"

int main(int argc, char **argv) {
    exit((int)argument(argc, argv, 1, 0, -256, 255));
}
