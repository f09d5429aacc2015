/* echo: copies standard input to standard output.
 * Arguments: none. Exit status: the number of bytes modulo 128. */
#include <unistd.h>

int main(void) {
    char buffer[4096];
    long total = 0;
    ssize_t count;
    while ((count = read(STDIN_FILENO, buffer, sizeof buffer)) > 0) {
        total += count;
        for (ssize_t done = 0, written; done < count; done += written)
            if ((written = write(STDOUT_FILENO, buffer + done, (size_t)(count - done))) <= 0)
                return 255;
    }
    return count < 0 ? 255 : (int)(total % 128);
}
