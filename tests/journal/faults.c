/* Faults under the real code: loaded with LD_PRELOAD, it stands between the process (SQLite's and Python's calls alike) and libc.

   Counts every call that changes a file below JOURNAL_FAULTS_ROOT, fails the ones it was told to, holds fsync back while told to, and
   writes what was done to JOURNAL_FAULTS_TRACE for the power-loss model. Linux, glibc. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile int counted, fail_at = -1, fail_times, fail_errno, stalled, syncs, fail_sync = -1, fail_syncs;
static int trace_fd = -2;

void faults_arm(int at, int error, int times) { counted = 0; fail_errno = error; fail_times = times; fail_at = at; }
int faults_count(void) { return counted; }
void faults_fail_sync(int at, int times) { syncs = 0; fail_syncs = times; fail_sync = at; }
int faults_syncs(void) { return syncs; }
void faults_stall(int on) { stalled = on; }

static int watched(const char *path) {
    const char *root = getenv("JOURNAL_FAULTS_ROOT");
    return root && path && strncmp(path, root, strlen(root)) == 0;
}

static int watched_fd(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = 0;
    return watched(path);
}

/* Whether this call fails now. */
static int strike(void) {
    int number = __sync_fetch_and_add(&counted, 1);
    if (fail_at < 0 || number < fail_at || (fail_times >= 0 && number >= fail_at + fail_times)) return 0;
    errno = fail_errno;
    return 1;
}

static void trace(char op, const char *path, const char *other, uint64_t offset, const void *data, size_t size) {
    if (trace_fd == -2) {
        const char *name = getenv("JOURNAL_FAULTS_TRACE");
        trace_fd = name ? (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    }
    if (trace_fd < 0) return;
    uint32_t a = strlen(path), b = other ? strlen(other) : 0, c = data ? size : 0;
    size_t total = 21 + a + b + c;
    char *record = malloc(total);
    record[0] = op;
    memcpy(record + 1, &a, 4); memcpy(record + 5, &b, 4); memcpy(record + 9, &c, 4); memcpy(record + 13, &offset, 8);
    memcpy(record + 21, path, a);
    if (b) memcpy(record + 21 + a, other, b);
    if (c) memcpy(record + 21 + a + b, data, c);
    int before = errno;
    syscall(SYS_write, trace_fd, record, total);
    errno = before;
    free(record);
}

void faults_mark(const char *what) { trace('A', what, NULL, 0, NULL, 0); }

#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) real = dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    char path[PATH_MAX];
    if (!watched_fd(fd, path)) return real(fd, data, size);
    if (strike()) return -1;
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t n = real(fd, data, size);
    if (n > 0) trace('W', path, NULL, at, data, n);
    return n;
}

#define PWRITE(name, offset_type) \
ssize_t name(int fd, const void *data, size_t size, offset_type at) { \
    REAL(ssize_t, name, int, const void *, size_t, offset_type); \
    char path[PATH_MAX]; \
    if (!watched_fd(fd, path)) return real(fd, data, size, at); \
    if (strike()) return -1; \
    ssize_t n = real(fd, data, size, at); \
    if (n > 0) trace('W', path, NULL, at, data, n); \
    return n; \
}
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define SYNC(name) \
int name(int fd) { \
    REAL(int, name, int); \
    char path[PATH_MAX]; \
    if (!watched_fd(fd, path)) return real(fd); \
    while (stalled) usleep(2000); \
    if (strike()) return -1; \
    int number = __sync_fetch_and_add(&syncs, 1); \
    if (fail_sync >= 0 && number >= fail_sync && number < fail_sync + fail_syncs) { \
        trace('F', path, NULL, 0, NULL, 0); /* the bytes are lost, and the kernel calls them clean */ \
        errno = EIO; \
        return -1; \
    } \
    int result = real(fd); \
    if (result == 0) trace('S', path, NULL, 0, NULL, 0); \
    return result; \
}
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(name, size_type) \
int name(int fd, size_type size) { \
    REAL(int, name, int, size_type); \
    char path[PATH_MAX]; \
    if (!watched_fd(fd, path)) return real(fd, size); \
    if (strike()) return -1; \
    int result = real(fd, size); \
    if (result == 0) trace('T', path, NULL, size, NULL, 0); \
    return result; \
}
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define ALLOCATE(name, size_type) \
int name(int fd, size_type at, size_type size) { \
    REAL(int, name, int, size_type, size_type); \
    char path[PATH_MAX]; \
    if (watched_fd(fd, path) && strike()) return fail_errno; \
    return real(fd, at, size); \
}
ALLOCATE(posix_fallocate, off_t)
ALLOCATE(posix_fallocate64, off64_t)

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    if (!watched(to)) return real(from, to);
    if (strike()) return -1;
    int result = real(from, to);
    if (result == 0) trace('R', from, to, 0, NULL, 0);
    return result;
}

int unlink(const char *path) {
    REAL(int, unlink, const char *);
    if (!watched(path)) return real(path);
    if (strike()) return -1;
    int result = real(path);
    if (result == 0) trace('U', path, NULL, 0, NULL, 0);
    return result;
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    if (watched(path) && strike()) return -1;
    return real(path, mode);
}
