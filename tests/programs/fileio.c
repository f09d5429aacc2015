/* File input and output in /tmp: create, write, seek, read back, status, append, truncate, vectors, positional I/O,
 * private and shared mappings, stdio, unlink, and the errors that Linux gives. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

#define PATH "/tmp/emu-fileio-test"

static void check_read_write(void) {
    char text[64];
    struct stat status;
    int file = open(PATH, O_RDWR | O_CREAT | O_EXCL, 0644);
    CHECK(file >= 3);
    CHECK(write(file, "hello, world", 12) == 12);
    CHECK(lseek(file, 0, SEEK_CUR) == 12);
    CHECK(lseek(file, 7, SEEK_SET) == 7);
    CHECK(read(file, text, sizeof text) == 5 && memcmp(text, "world", 5) == 0);
    CHECK(read(file, text, sizeof text) == 0);
    CHECK(lseek(file, -5, SEEK_END) == 7);
    CHECK(write(file, "WORLD", 5) == 5);
    CHECK(pread(file, text, 12, 0) == 12 && memcmp(text, "hello, WORLD", 12) == 0);
    CHECK(pwrite(file, "J", 1, 0) == 1);
    CHECK(lseek(file, 0, SEEK_CUR) == 12);
    CHECK(fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 12 && (status.st_mode & 0777) == 0644);

    CHECK(lseek(file, 20, SEEK_SET) == 20 && write(file, "!", 1) == 1); /* leaves a hole of zeros */
    CHECK(pread(file, text, sizeof text, 12) == 9 && memcmp(text, "\0\0\0\0\0\0\0\0!", 9) == 0);
    CHECK(ftruncate(file, 5) == 0 && fstat(file, &status) == 0 && status.st_size == 5);
    CHECK(pread(file, text, sizeof text, 0) == 5 && memcmp(text, "Jello", 5) == 0);
    CHECK_ERROR(lseek(file, -1, SEEK_SET), EINVAL);
    CHECK_ERROR(lseek(file, 0, 99), EINVAL);
    CHECK(close(file) == 0);
    CHECK(stat(PATH, &status) == 0 && status.st_size == 5);
}

static void check_open_flags(void) {
    char text[64];
    struct stat status;
    CHECK_ERROR(open(PATH, O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    int file = open(PATH, O_WRONLY | O_APPEND);
    CHECK(file >= 0);
    CHECK(lseek(file, 0, SEEK_SET) == 0 && write(file, " more", 5) == 5); /* at the end all the same */
    CHECK_ERROR(read(file, text, 1), EBADF);
    CHECK(close(file) == 0);
    file = open(PATH, O_RDONLY);
    CHECK(read(file, text, sizeof text) == 10 && memcmp(text, "Jello more", 10) == 0);
    CHECK_ERROR(write(file, "x", 1), EBADF);
    CHECK(close(file) == 0);
    file = open(PATH, O_WRONLY | O_TRUNC);
    CHECK(file >= 0 && fstat(file, &status) == 0 && status.st_size == 0);
    CHECK(close(file) == 0);
}

static void check_vectors(void) {
    char a[4], b[8];
    int file = open(PATH, O_RDWR);
    struct iovec out[] = {{"abc", 3}, {"", 0}, {"defgh", 5}}, in[] = {{a, 4}, {b, 8}};
    CHECK(writev(file, out, 3) == 8);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    CHECK(readv(file, in, 2) == 8 && memcmp(a, "abcd", 4) == 0 && memcmp(b, "efgh", 4) == 0);
    CHECK_ERROR(writev(file, out, -1), EINVAL);
    CHECK(close(file) == 0);
}

static void check_mappings(void) {
    char text[8];
    int file = open(PATH, O_RDWR);
    CHECK(ftruncate(file, 5000) == 0);
    char *private = mmap(NULL, 5000, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    CHECK(private != MAP_FAILED && memcmp(private, "abcdefgh", 8) == 0 && private[4999] == 0 && private[8191] == 0);
    private[0] = 'X';
    CHECK(pread(file, text, 8, 0) == 8 && text[0] == 'a');
    char *second = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 4096);
    CHECK(second != MAP_FAILED && second[0] == 0);
    CHECK_ERROR(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 100), EINVAL);
    CHECK(munmap(second, 4096) == 0);
    CHECK(close(file) == 0);
    CHECK(private[0] == 'X' && private[1] == 'b'); /* a mapping outlives its descriptor */
    CHECK(munmap(private, 5000) == 0);
    CHECK_ERROR(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0), EBADF);
}

static void check_errors(void) {
    char text[8];
    struct stat status;
    CHECK_ERROR(open("/tmp/emu-no-such-file", O_RDONLY), ENOENT);
    CHECK_ERROR(open("/no/such/directory/file", O_RDWR | O_CREAT, 0644), ENOENT);
    CHECK_ERROR(open(PATH "/below", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open("/tmp", O_WRONLY), EISDIR);
    CHECK_ERROR(open("", O_RDONLY), ENOENT);
    CHECK_ERROR(stat("/tmp/emu-no-such-file", &status), ENOENT);
    CHECK_ERROR(read(999, text, 1), EBADF);
    CHECK_ERROR(write(999, text, 1), EBADF);
    CHECK_ERROR(close(999), EBADF);
    CHECK_ERROR(fstat(-1, &status), EBADF);
    CHECK_ERROR(lseek(999, 0, SEEK_SET), EBADF);
    int file = open(PATH, O_RDWR);
    CHECK_ERROR(read(file, (void *)8, 1), EFAULT);
    CHECK_ERROR(write(file, (void *)8, 1), EFAULT);
    CHECK(close(file) == 0);
    CHECK_ERROR(close(file), EBADF);
    CHECK(stat("/tmp", &status) == 0 && S_ISDIR(status.st_mode));
}

static void check_stdio(void) {
    char line[32];
    int n;
    FILE *file = fopen(PATH, "w+");
    CHECK(file != NULL);
    for (int i = 0; i < 1000; i++)
        CHECK(fprintf(file, "line %d\n", i) > 0);
    rewind(file);
    for (int i = 0; i < 1000; i++)
        CHECK(fgets(line, sizeof line, file) != NULL && sscanf(line, "line %d", &n) == 1 && n == i);
    CHECK(fgets(line, sizeof line, file) == NULL && feof(file));
    CHECK(fseek(file, 5, SEEK_SET) == 0 && fgetc(file) == '0' && ftell(file) == 6);
    CHECK(fclose(file) == 0);
}

static void check_descriptors(void) {
    char text[8];
    int file = open(PATH, O_RDONLY), copy = dup(file);
    CHECK(copy == file + 1); /* the lowest free number */
    CHECK(lseek(file, 3, SEEK_SET) == 3 && lseek(copy, 0, SEEK_CUR) == 3); /* one offset for both */
    CHECK(close(file) == 0);
    CHECK(read(copy, text, 1) == 1);
    CHECK(open(PATH, O_RDONLY) == file);
    CHECK(close(file) == 0 && close(copy) == 0);
    file = open(PATH, O_RDWR);
    CHECK(unlink(PATH) == 0);
    CHECK_ERROR(unlink(PATH), ENOENT);
    CHECK_ERROR(open(PATH, O_RDONLY), ENOENT);
    CHECK(pread(file, text, 4, 0) == 4 && memcmp(text, "line", 4) == 0); /* lives on while it is open */
    CHECK(close(file) == 0);
}

int main(void) {
    unlink(PATH);
    check_read_write();
    check_open_flags();
    check_vectors();
    check_mappings();
    check_errors();
    check_stdio();
    check_descriptors();
    return ok("fileio");
}
