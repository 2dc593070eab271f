/* For write_errors.rs, by LD_PRELOAD: from the FAIL_AT-th change of a file below FAIL_UNDER on, all of them fail with
 * FAIL_WITH. How many there were is written to FAIL_COUNT at the end. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long changes;

static int fails(const char *path) {
    const char *under = getenv("FAIL_UNDER"), *at = getenv("FAIL_AT");
    if (!under || !path || strncmp(path, under, strlen(under)) != 0) return 0;
    long number = atomic_fetch_add(&changes, 1) + 1;
    if (!at || number < atol(at)) return 0;
    errno = atoi(getenv("FAIL_WITH"));
    return 1;
}

static int fails_fd(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(path);
}

__attribute__((destructor)) static void tell(void) {
    const char *to = getenv("FAIL_COUNT");
    FILE *file = to ? fopen(to, "w") : NULL;
    if (!file) return;
    fprintf(file, "%ld", changes);
    fclose(file);
}

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(write);
    return fails_fd(fd) ? -1 : real(fd, bytes, count);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    return fails_fd(fd) ? -1 : real(fd, parts, count);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    REAL(pwrite);
    return fails_fd(fd) ? -1 : real(fd, bytes, count, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    REAL(pwrite64);
    return fails_fd(fd) ? -1 : real(fd, bytes, count, at);
}
int fsync(int fd) {
    REAL(fsync);
    return fails_fd(fd) ? -1 : real(fd);
}
int fdatasync(int fd) {
    REAL(fdatasync);
    return fails_fd(fd) ? -1 : real(fd);
}
int ftruncate64(int fd, off64_t length) {
    REAL(ftruncate64);
    return fails_fd(fd) ? -1 : real(fd, length);
}
int rename(const char *from, const char *to) {
    REAL(rename);
    return fails(to) ? -1 : real(from, to);
}
int mkdir(const char *path, mode_t mode) {
    int (*real)(const char *, mode_t) = (int (*)(const char *, mode_t))dlsym(RTLD_NEXT, "mkdir");
    return fails(path) ? -1 : real(path, mode);
}
