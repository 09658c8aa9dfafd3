/* What the product of spectra with filters takes, and the filters' taps as it reads them. */

#ifndef PASSBAND_PRODUCT_H
#define PASSBAND_PRODUCT_H

#include "filters.h"
#include "work.h"

/* target (bins, 2, rows, lanes) = source (bins, 2, rows, inner) times the spectra of
   weight (lanes, inner, taps), of which one is next to each other and the others are as far apart
   as the strides say; packed is NULL or that weight as `pack` makes it. */
typedef struct {
    const void *source;
    void *target;
    const float *weight;
    float *packed;
    int64_t rows, inner, lanes, lane_stride, inner_stride, tap_stride;
    int32_t conjugate, half;
    int32_t parts; /* of the frequencies of the columns, each with tasks of its own */
} Product;

typedef struct {
    const Band *band;
    const Product *product;
} Factors;

/* The taps of some inner channels, for LANES of the weight's lanes: (inner, taps, LANES). */
INLINE void take_taps(const Product *p, const float *from, int some, int lanes, int taps, V *to)
{
    if (p->lane_stride == 1)
        for (int i = 0; i < some; i++)
            for (int t = 0; t < taps; t++)
                to[i * taps + t] =
                    load_some(from + i * p->inner_stride + t * p->tap_stride, lanes, 0);
    else if (p->inner_stride == taps)
        gather(from, p->lane_stride, lanes, some * taps, 0, to);
    else if (p->tap_stride == 1)
        for (int i = 0; i < some; i++)
            gather(from + i * p->inner_stride, p->lane_stride, lanes, taps, 0, to + i * taps);
    else
        for (int t = 0; t < taps; t++) {
            V of_tap[LANES];
            gather(from + t * p->tap_stride, p->lane_stride, lanes, some, 0, of_tap);
            for (int i = 0; i < some; i++)
                to[i * taps + t] = of_tap[i];
        }
}

/* A block of the weight's lanes to (inner, folded taps, LANES). */
INLINE void pack(const Band *band, const Product *p, int64_t first, V *to, V *room)
{
    const float *from = p->weight + first * p->lane_stride;
    int taps = taps_of(band), size = filter_of(band), lanes = at_most(LANES, p->lanes - first);
    for (int64_t k = 0; k < p->inner; k += LANES) {
        int some = at_most(LANES, p->inner - k);
        take_taps(p, from + k * p->inner_stride, some, lanes, taps, room);
        for (int i = 0; i < some; i++)
            fold_taps(band, room + i * taps, to + (k + i) * size, room + LANES * taps);
    }
}

/* The folded taps of one block of the weight's lanes; the room is for them, and for `pack`. */
INLINE const V *folded_block(const Band *band, const Product *p, int64_t block, V *room)
{
    int64_t vectors = p->inner * filter_of(band);
    if (p->packed)
        return (V *)p->packed + block * vectors;
    pack(band, p, block * LANES, room, room + vectors);
    return room;
}

INLINE size_t folded_room(const Band *band, const Product *p)
{
    return p->inner * filter_of(band) + fold_room(band);
}

/* What a task computes: a block of the weight's lanes, at some frequencies of the columns. */
typedef struct {
    int64_t block, first; /* first lane */
    int kx, end;
} Part;

INLINE Part part_of(const Band *band, const Product *p, int64_t index)
{
    int64_t blocks = blocks_of(p->lanes), block = index % blocks, part = index / blocks;
    int modes = band->columns.modes;
    return (Part){block, block * LANES, modes * part / p->parts, modes * (part + 1) / p->parts};
}

INLINE int run_parts(Task *task, const Band *band, const Product *product, size_t room, int threads)
{
    Product p = *product;
    Factors factors = {band, &p};
    int64_t blocks = blocks_of(p.lanes);
    /* Enough tasks for all threads, but no more: each packs its block of the weight. */
    p.parts = at_most(band->columns.modes, (4 * threads + blocks - 1) / blocks);
    return run(task, &factors, p.parts * blocks, room, threads);
}

int passband_multiply(const Band *band, const Product *product, int threads);
/* That of one row. */
int multiply_row(const Band *band, const Product *product, int threads)
    __attribute__((visibility("hidden")));

#endif
