/* Before the C library: a file that cannot be read in the middle, a disk that is full, a clock that goes back. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NEXT(type, name, ...)            \
    static type (*next)(__VA_ARGS__);    \
    if (!next) next = dlsym(RTLD_NEXT, name)

static int is_of(int file, const char *part) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, part) != NULL;
}

/* FAULT_READ: part of a path; its second half cannot be read. With FAULT_ONCE, a file: only where that lies
   empty, once; each reading before takes one byte of it. */
static int fails_now(void) {
    const char *once = getenv("FAULT_ONCE");
    struct stat facts;
    if (!once) return 1;
    if (stat(once, &facts)) return 0;
    if (facts.st_size) return truncate(once, facts.st_size - 1), 0;
    unlink(once);
    return 1;
}

/* How many bytes can be read at a place, or where the file stands (-1); -1: none. */
static ssize_t readable(int file, off_t at, size_t bytes) {
    const char *part = getenv("FAULT_READ");
    struct stat facts;
    if (!part || !is_of(file, part) || fstat(file, &facts)) return bytes;
    off_t half = facts.st_size / 2;
    if (at < 0) at = lseek(file, 0, SEEK_CUR);
    if (at < half && at + (off_t)bytes > half) return half - at;
    if (at >= half && at < facts.st_size && fails_now()) return errno = EIO, -1;
    return bytes;
}

ssize_t read(int file, void *buffer, size_t bytes) {
    NEXT(ssize_t, "read", int, void *, size_t);
    ssize_t some = readable(file, -1, bytes);
    return some < 0 ? -1 : next(file, buffer, some);
}

ssize_t pread(int file, void *buffer, size_t bytes, off_t at) {
    NEXT(ssize_t, "pread", int, void *, size_t, off_t);
    ssize_t some = readable(file, at, bytes);
    return some < 0 ? -1 : next(file, buffer, some, at);
}

ssize_t pread64(int file, void *buffer, size_t bytes, off64_t at) {
    NEXT(ssize_t, "pread64", int, void *, size_t, off64_t);
    ssize_t some = readable(file, at, bytes);
    return some < 0 ? -1 : next(file, buffer, some, at);
}

/* FAULT_FULL: part of a path, below which nothing can be written where FAULT_LEFT, a file, has no byte left:
   each writing takes one. */
static int is_full(int file) {
    const char *part = getenv("FAULT_FULL"), *left = getenv("FAULT_LEFT");
    struct stat facts;
    if (!part || !left || !is_of(file, part) || stat(left, &facts)) return 0;
    if (facts.st_size && !truncate(left, facts.st_size - 1)) return 0;
    return errno = ENOSPC, 1;
}

ssize_t write(int file, const void *buffer, size_t bytes) {
    NEXT(ssize_t, "write", int, const void *, size_t);
    return is_full(file) ? -1 : next(file, buffer, bytes);
}

size_t fwrite(const void *buffer, size_t size, size_t count, FILE *file) {
    NEXT(size_t, "fwrite", const void *, size_t, size_t, FILE *);
    return is_full(fileno(file)) ? 0 : next(buffer, size, count, file);
}

/* FAULT_CLOCK: the time of day goes back by a minute every time that anybody asks. */
static time_t back(void) {
    static time_t seconds;
    return getenv("FAULT_CLOCK") ? seconds += 60 : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    NEXT(int, "clock_gettime", clockid_t, struct timespec *);
    int failed = next(clock, now);
    if (!failed && clock == CLOCK_REALTIME) now->tv_sec -= back();
    return failed;
}

time_t time(time_t *given) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (given) *given = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    NEXT(int, "gettimeofday", struct timeval *, void *);
    int failed = next(now, zone);
    if (!failed) now->tv_sec -= back();
    return failed;
}
