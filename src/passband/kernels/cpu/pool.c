/* Maxima of windows of maps, and a byte for each: where in its window it lies. */

#include <math.h>

#include "work.h"

#define LEAST (1 << 12) /* samples of a task */
#define PLACES 256      /* of a window */

/* Maps are (maps, rows, columns, inner), maxima and their places (maps, down, across, inner). */
typedef struct {
    void *map, *most;
    uint8_t *place; /* row of the window * width + column */
    int64_t maps, rows, columns, inner, down, across;
    int64_t height, width;       /* of a window */
    int64_t row_step, column_step; /* from one window to the next */
    int64_t above, before;       /* rows and columns of padding */
    int64_t row_gap, column_gap; /* between the samples of a window */
    int32_t half;
} Pool;

/* How many of a window's samples lie before the map. */
INLINE int64_t outside(int64_t start, int64_t gap)
{
    return start < 0 ? (gap - 1 - start) / gap : 0;
}

/* Of two vectors, every other lane. */
INLINE V every_other(V low, V high)
{
#if LANES == 16
    return __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28,
                                   30);
#elif LANES == 8
    return __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14);
#else
    return __builtin_shufflevector(low, high, 0, 2, 4, 6);
#endif
}

/* A vector of numbers, `step` apart. */
INLINE V load_apart(const void *from, int64_t step, int lanes, int half)
{
    if (step == 1)
        return load_some(from, lanes, half);
    if (step == 2) {
        int numbers = 2 * lanes - 1, more = numbers - LANES;
        V low = load_some(from, more < 0 ? numbers : LANES, half), high = {0};
        if (more > 0)
            high = load_some(past(from, LANES, half), more, half);
        return every_other(low, high);
    }
    float x[LANES] = {0};
    for (int i = 0; i < lanes; i++)
        x[i] = load_some(past(from, i * step, half), 1, half)[0];
    return load(x);
}

/* The lowest byte of each lane. */
INLINE void store_bytes(uint8_t *to, V v, int lanes)
{
#if LANES == 16
    _mm512_mask_cvtepi32_storeu_epi8(to, (1u << lanes) - 1, (__m512i)v);
#else
    for (int i = 0; i < lanes; i++)
        to[i] = ((Bits)v)[i];
#endif
}

/* Take samples that are larger than what was found; what is no number is larger than any. */
INLINE void take(float *most, uint32_t *place, const void *from, int64_t step, int64_t count,
                 uint32_t here, int half)
{
    for (int64_t i = 0; i < count; i += LANES) {
        int lanes = count - i < LANES ? count - i : LANES;
        V x = load_apart(past(from, i * step, half), step, lanes, half);
        V found = load(most + i), at = load((float *)place + i);
        Bits more = (Bits)(x > found) | (Bits)(x != x);
        store_some(most + i, chosen(more, x, found), lanes, 0);
        store_some(place + i, chosen(more, (V)((Bits){0} + here), at), lanes, 0);
    }
}

/* Which windows of a row have a sample in one of their columns, and where the first's is. */
typedef struct {
    int64_t first, last, from;
} Reach;

INLINE Reach reach(const Pool *p, int64_t column)
{
    int64_t start = column * p->column_gap - p->before, step = p->column_step;
    int64_t first = start < 0 ? (step - 1 - start) / step : 0, end = p->columns - start;
    int64_t last = end <= 0 ? 0 : (end - 1) / step + 1;
    return (Reach){first, last < p->across ? last : p->across, first * step + start};
}

/* One column of all windows of a row of maxima. */
INLINE void column(const Pool *p, const void *row, Reach reach, uint32_t here, float *most,
                   uint32_t *place, int half)
{
    int64_t first = reach.first, last = reach.last, step = p->column_step;
    if (first >= last)
        return;
    most += first * p->inner, place += first * p->inner;
    const void *from = past(row, reach.from * p->inner, half);
    if (step == 1)
        take(most, place, from, 1, (last - first) * p->inner, here, half);
    else if (p->inner == 1)
        take(most, place, from, step, last - first, here, half);
    else
        for (int64_t i = first; i < last; i++) {
            take(most, place, from, 1, p->inner, here, half);
            most += p->inner, place += p->inner, from = past(from, step * p->inner, half);
        }
}

/* A vector of a row may begin anywhere in it. */
static int64_t vectors_of_row(const Pool *p) { return p->across * p->inner / LANES + 2; }

INLINE void forth_one(const Pool *p, int64_t map, const Reach *reaches, V *room, int half)
{
    int64_t size = p->across * p->inner;
    float *most = (float *)room;
    uint32_t *place = (uint32_t *)(room + vectors_of_row(p));
    for (int64_t y = 0; y < p->down; y++) {
        int64_t top = y * p->row_step - p->above, above = outside(top, p->row_gap);
        for (int64_t i = 0; i < size; i += LANES) {
            store(most + i, (V){0} - INFINITY);
            store((float *)place + i, (V)((Bits){0} + (uint32_t)(above * p->width)));
        }
        for (int64_t x = 0; x < p->across && x * p->column_step < p->before; x++)
            for (int64_t i = x * p->inner; i < (x + 1) * p->inner; i++)
                place[i] += outside(x * p->column_step - p->before, p->column_gap);
        for (int64_t r = above; r < p->height && top + r * p->row_gap < p->rows; r++) {
            int64_t at = (map * p->rows + top + r * p->row_gap) * p->columns * p->inner;
            for (int64_t c = 0; c < p->width; c++)
                column(p, past(p->map, at, half), reaches[c], r * p->width + c, most, place, half);
        }
        int64_t to = (map * p->down + y) * size;
        for (int64_t i = 0; i < size; i += LANES) {
            int lanes = size - i < LANES ? size - i : LANES;
            store_some((void *)past(p->most, to + i, half), load(most + i), lanes, half);
            store_bytes(p->place + to + i, load((float *)place + i), lanes);
        }
    }
}

INLINE void forth(const Pool *p, int64_t first, int64_t last, V *room, int half)
{
    Reach reaches[PLACES];
    for (int64_t c = 0; c < p->width; c++)
        reaches[c] = reach(p, c);
    for (int64_t map = first; map < last; map++)
        forth_one(p, map, reaches, room, half);
}

/* Add the gradient of each maximum where it lay, to a map of zeros. */
INLINE void back_one(const Pool *p, int64_t map, const int64_t *offsets, V *room, int half)
{
    int64_t rows = p->rows * p->columns * p->inner, at = map * p->down * p->across;
    float *to = half ? (float *)room : (float *)p->map + map * rows;
    memset(to, 0, rows * sizeof *to);
    at *= p->inner;
    for (int64_t y = 0; y < p->down; y++)
        for (int64_t x = 0; x < p->across; x++) {
            int64_t row = y * p->row_step - p->above, column = x * p->column_step - p->before;
            int64_t start = (row * p->columns + column) * p->inner;
            for (int64_t i = 0; i < p->inner; i++, at++) {
                float g = load_some(past(p->most, at, half), 1, half)[0];
                to[start + offsets[p->place[at]] + i] += g;
            }
        }
    for (int64_t i = 0; half && i < rows; i += LANES) {
        int lanes = rows - i < LANES ? rows - i : LANES;
        store_some((void *)past(p->map, map * rows + i, half), load(to + i), lanes, half);
    }
}

INLINE void back(const Pool *p, int64_t first, int64_t last, V *room, int half)
{
    int64_t offsets[PLACES];
    for (int64_t i = 0; i < p->height * p->width; i++) {
        int64_t r = i / p->width * p->row_gap, c = i % p->width * p->column_gap;
        offsets[i] = (r * p->columns + c) * p->inner;
    }
    for (int64_t map = first; map < last; map++)
        back_one(p, map, offsets, room, half);
}

static int64_t maps_of_task(const Pool *p)
{
    return LEAST / (p->rows * p->columns * p->inner) + 1;
}

#define TASK(name, function, half) \
    static void name(const void *context, int64_t index, V *room) \
    { \
        const Pool *p = context; \
        int64_t first = index * maps_of_task(p), last = first + maps_of_task(p); \
        function(p, first, last < p->maps ? last : p->maps, room, half); \
    }
TASK(forth_floats, forth, 0)
TASK(forth_halves, forth, 1)
TASK(back_floats, back, 0)
TASK(back_halves, back, 1)

static int each_map(Task *task, const Pool *p, int64_t vectors, int threads)
{
    return run(task, p, (p->maps + maps_of_task(p) - 1) / maps_of_task(p), vectors, threads);
}

int passband_pool(const Pool *p, int threads)
{
    return each_map(p->half ? forth_halves : forth_floats, p, 2 * vectors_of_row(p), threads);
}

int passband_pool_back(const Pool *p, int threads)
{
    int64_t map = p->half ? p->rows * p->columns * p->inner / LANES + 1 : 1;
    return each_map(p->half ? back_halves : back_floats, p, map, threads);
}
