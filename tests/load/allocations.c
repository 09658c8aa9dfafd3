/* Memory that runs out, put before the C library by LD_PRELOAD: the allocations of tensors, and the
   room of compiled kernels, are counted, and the one that was asked for fails. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static long count, at;
static int armed;

void memory_arm(long number) { count = 0, at = number, armed = number > 0; }

long memory_count(void) { return count; }

static int fails(void *caller)
{
    Dl_info from;
    if (!armed || !dladdr(caller, &from))
        return 0;
    if (!strstr(from.dli_fname, "libc10") && !strstr(from.dli_fname, "_kernels_"))
        return 0;
    return ++count == at;
}

int posix_memalign(void **room, size_t alignment, size_t size)
{
    static int (*next)(void **, size_t, size_t);
    if (!next)
        next = dlsym(RTLD_NEXT, "posix_memalign");
    return fails(__builtin_return_address(0)) ? ENOMEM : next(room, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    static void *(*next)(size_t, size_t);
    if (!next)
        next = dlsym(RTLD_NEXT, "aligned_alloc");
    return fails(__builtin_return_address(0)) ? NULL : next(alignment, size);
}
