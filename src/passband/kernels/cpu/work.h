/* Tasks on the threads of the program's OpenMP, each thread with room of its own. */

#ifndef PASSBAND_WORK_H
#define PASSBAND_WORK_H

#include <pthread.h>
#include <stdlib.h>

#include "vector.h"

typedef void Task(const void *context, int64_t index, V *room);

/* Room that a thread keeps from call to call, since new memory costs more than a small transform,
   and gives back when it ends. */
typedef struct {
    size_t vectors;
    V *room;
} Kept;

static pthread_key_t kept_key;
static pthread_once_t kept_once = PTHREAD_ONCE_INIT;

static void give_back(void *kept)
{
    free(((Kept *)kept)->room);
    free(kept);
}

static void make_key(void) { pthread_key_create(&kept_key, give_back); }

static V *kept_room(size_t vectors)
{
    pthread_once(&kept_once, make_key);
    Kept *kept = pthread_getspecific(kept_key);
    if (!kept) {
        kept = calloc(1, sizeof *kept);
        if (!kept || pthread_setspecific(kept_key, kept))
            return NULL;
    }
    if (vectors > kept->vectors) {
        free(kept->room);
        kept->room = aligned_alloc(64, (vectors * sizeof(V) + 63) / 64 * 64);
        kept->vectors = kept->room ? vectors : 0;
    }
    return kept->room;
}

/* Run task 0 to `tasks` - 1. Returns 0, or 1 if there is not enough memory. */
static int run(Task *task, const void *context, int64_t tasks, size_t vectors, int threads)
{
    int64_t next = 0;
    int failed = 0;
    /* A smaller team for few tasks would end the other threads, and start them again later. */
#pragma omp parallel num_threads(threads) if (threads > 1 && tasks > 1)
    for (;;) {
        int64_t index = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
        if (index >= tasks)
            break;
        V *room = kept_room(vectors);
        if (!room) {
            __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
            break;
        }
        task(context, index, room);
    }
    return failed;
}

#endif
