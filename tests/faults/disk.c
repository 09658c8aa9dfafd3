/* A disk that fails, put before the C library by LD_PRELOAD: system calls that change what lies below
   a folder are counted, and the one that was asked for does not come to pass. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NEVER, KILLED, FAILS, FULL };

static char folder[PATH_MAX];
static long count, at;
static int mode;

void disk_arm(const char *below, long number, int how)
{
    snprintf(folder, sizeof folder, *below ? "%s/" : "", below);
    count = 0, at = number, mode = how;
}

long disk_count(void) { return count; }

static int here(const char *path) { return *folder && !strncmp(path, folder, strlen(folder)); }

static int here_by(int descriptor)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = *folder ? readlink(link, path, sizeof path - 2) : -1;
    if (length < 0)
        return 0;
    path[length] = '/', path[length + 1] = 0; /* the folder itself counts too */
    return here(path);
}

/* Whether a call that takes room, or one that does not, is to fail now; errno then says why. */
static int fails(int takes_room)
{
    count++;
    if (mode == KILLED && count == at)
        kill(getpid(), SIGKILL);
    errno = mode == FULL ? ENOSPC : EIO;
    return (mode == FAILS && count == at) || (mode == FULL && count >= at && takes_room);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int writes(int flags) { return flags & (O_CREAT | O_TRUNC) && flags & (O_WRONLY | O_RDWR); }

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t permissions = va_arg(rest, mode_t);                                                 \
        va_end(rest);                                                                              \
        return writes(flags) && here(path) && fails(1) ? -1 : NEXT(name)(path, flags, permissions);\
    }
OPEN(open)
OPEN(open64)

#define FOPEN(name)                                                                                \
    FILE *name(const char *path, const char *how)                                                  \
    {                                                                                              \
        return *how != 'r' && here(path) && fails(1) ? NULL : NEXT(name)(path, how);               \
    }
FOPEN(fopen)
FOPEN(fopen64)

/* Half of what is written is there when the disk is full, or the process gone. */
ssize_t write(int descriptor, const void *bytes, size_t size)
{
    if (!here_by(descriptor))
        return NEXT(write)(descriptor, bytes, size);
    if (count + 1 == at && mode != FAILS && size > 1) {
        ssize_t half = NEXT(write)(descriptor, bytes, size / 2);
        return fails(1) ? half : half;
    }
    return fails(1) ? -1 : NEXT(write)(descriptor, bytes, size);
}

ssize_t writev(int descriptor, const struct iovec *parts, int number)
{
    return here_by(descriptor) && fails(1) ? -1 : NEXT(writev)(descriptor, parts, number);
}

int fsync(int descriptor)
{
    return here_by(descriptor) && fails(1) ? -1 : NEXT(fsync)(descriptor);
}

int rename(const char *from, const char *to)
{
    return here(to) && fails(0) ? -1 : NEXT(rename)(from, to);
}

int unlink(const char *path) { return here(path) && fails(0) ? -1 : NEXT(unlink)(path); }

int mkdir(const char *path, mode_t permissions)
{
    return here(path) && fails(1) ? -1 : NEXT(mkdir)(path, permissions);
}
