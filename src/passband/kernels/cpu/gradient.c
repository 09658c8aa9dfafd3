/* The gradient of a weight: what products of spectra come to at the taps.

   For each bin it is a complex matrix product over the batch, of which nothing but its sum over the
   bins, transformed to the taps, is ever in memory. Three real products make a complex one, as in
   `product.c`. */

#include "filters.h"
#include "work.h"

#define FEW_OUTERS 16 /* of channels, least and most of a task */
#define MANY_OUTERS 64

/* weight (outer, lanes, taps) = what the products outer^T conj(lanes) of all bins come to at the
   taps; outer (bins, 2, rows, outer), inner (bins, 2, rows, lanes). */
typedef struct {
    const void *outer, *inner;
    float *weight;
    int64_t rows, outers, lanes, outer_stride, lane_stride, tap_stride; /* the latter of weight */
    int32_t half;
    int32_t chunk; /* outer channels of a task */
} Gradient;

typedef struct {
    const Band *band;
    const Gradient *gradient;
} Context;

/* The product of one bin for `rows` outer channels and LANES others; to panel, `stride` apart. */
INLINE void outer_tile(int rows, Operand t, int chunk, const V *s, int64_t length, V *panel,
                       ptrdiff_t stride)
{
    V re[ROWS], im[ROWS];
    add_products(rows, t, 1, chunk, s, 3, length, re, im);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
        panel[r * stride] = re[r];
        panel[r * stride + 1] = im[r];
    }
}

/* What the products at some bins come to at the folded taps of LANES filters. */
INLINE void filter_back(int rows_even, int rows_odd, int even, int odd, const Band *band,
                        Frequencies f, const V *panel, V *folded, V *re, V *im)
{
    const Axis *rows = &band->rows, *columns = &band->columns;
    int alone = f.kx < columns->own, own = rows->own;
    const V *mirror = panel + 2 * (f.last - f.first);
    const float *cos, *sin;
#pragma GCC unroll 8
    for (int r = 0; r < rows_even + rows_odd; r++)
        re[r] = im[r] = (V){0};
    for (int ky = f.first; ky < f.last; ky++, panel += 2) {
        V a = panel[0], b = panel[1], c = {0}, d = {0};
        if (!alone && ky >= own) {
            c = mirror[0], d = mirror[1];
            mirror += 2;
        }
        cos = rows->cos_back + ky * rows_even;
#pragma GCC unroll 4
        for (int i = 0; i < rows_even; i++) {
            re[i] += (a + c) * cos[i];
            im[i] += (b + d) * cos[i];
        }
        if (ky < own)
            continue;
        sin = rows->sin_back + (ky - own) * rows_odd;
#pragma GCC unroll 4
        for (int i = 0; i < rows_odd; i++) {
            re[rows_even + i] += (b - d) * sin[i];
            im[rows_even + i] += (c - a) * sin[i];
        }
    }
    cos = columns->cos_back + f.kx * even, sin = columns->sin_back;
    if (!alone)
        sin += (f.kx - columns->own) * odd;
#pragma GCC unroll 8
    for (int r = 0; r < rows_even + rows_odd; r++, folded += even + odd) {
#pragma GCC unroll 4
        for (int i = 0; i < even; i++)
            folded[i] += re[r] * cos[i];
        if (!alone)
#pragma GCC unroll 4
            for (int i = 0; i < odd; i++)
                folded[even + i] += im[r] * sin[i];
    }
}

/* Those of `outers` products, `stride` apart. */
static void filters_back(const Band *band, Frequencies f, const V *panel, ptrdiff_t stride,
                         int outers, V *folded, V *room)
{
    const Axis *rows = &band->rows, *columns = &band->columns;
    int size = filter_of(band), height = folded_of(rows);
    V re[5], im[5];
#define EACH(rows_even, rows_odd, even, odd, re, im) \
    for (int o = 0; o < outers; o++) \
    filter_back(rows_even, rows_odd, even, odd, band, f, panel + o * stride, folded + o * size, \
                re, im)
    if (IS(2, 1))
        EACH(2, 1, 2, 1, re, im);
    else if (IS(3, 2))
        EACH(3, 2, 3, 2, re, im);
    else
        EACH(rows->points, rows->odd, columns->points, columns->odd, room, room + height);
#undef EACH
}

INLINE void gradient(const void *context, int64_t index, V *room, int half)
{
    const Band *band = ((const Context *)context)->band;
    const Gradient *g = ((const Context *)context)->gradient;
    const Axis *rows = &band->rows;
    int64_t blocks = blocks_of(g->lanes), lane = index % blocks * LANES;
    int chunk = g->chunk, lanes = at_most(LANES, g->lanes - lane), taps = taps_of(band);
    int64_t outer = index / blocks * chunk;
    int outers = at_most(chunk, g->outers - outer), size = filter_of(band);
    int step = rows_of_bins(band, 2 * chunk);
    ptrdiff_t stride = 4 * step;
    V *of_rows = room, *to_fold = of_rows + 2 * folded_of(rows);
    V *folded = to_fold + fold_room(band);                /* (chunk, folded taps) */
    V *panel = folded + (size_t)chunk * size;             /* (chunk, bins of kx, 2) */
    V *here = panel + chunk * stride;                     /* (rows, 3) of the bin */
    float *beside = (float *)(here + 3 * g->rows);        /* (3, rows, chunk) of the bin */
    Operand t = {beside, beside + g->rows * chunk, beside + 2 * g->rows * chunk};
    int64_t part = g->rows * g->outers, lane_part = g->rows * g->lanes;
    memset(folded, 0, sizeof(V) * outers * size);
    for (int kx = 0; kx < band->columns.modes; kx++)
        for (int ky = 0; ky < rows->modes; ky += step) {
            Frequencies f = {kx, ky, ky + at_most(step, rows->modes - ky)};
            int32_t bins[2 * step];
            int n = bins_at(band, f, bins);
            for (int i = 0; i < n; i++) {
                const void *from = past(g->outer, 2 * bins[i] * part + outer, half);
                const void *other = past(g->inner, 2 * bins[i] * lane_part + lane, half);
                for (int64_t row = 0; row < g->rows; row++) {
                    V x = load_some(past(other, row * g->lanes, half), lanes, half);
                    V y = load_some(past(other, row * g->lanes + lane_part, half), lanes, half);
                    put(here + 3 * row, x, -y);
                    for (int o = 0; o < outers; o += LANES) {
                        int some = at_most(LANES, outers - o);
                        int64_t at = row * g->outers + o, to = row * chunk + o;
                        x = load_some(past(from, at, half), some, half);
                        y = load_some(past(from, at + part, half), some, half);
                        store((float *)t.re + to, x);
                        store((float *)t.im + to, y);
                        store((float *)t.sum + to, x + y);
                    }
                }
                for (int o = 0; o < outers; o += ROWS) {
                    Operand at = {t.re + o, t.im + o, t.sum + o};
                    V *to = panel + o * stride + 2 * i;
                    switch (at_most(ROWS, outers - o)) {
#define CASE(n) \
        case n: \
            outer_tile(n, at, chunk, here, g->rows, to, stride); \
            break;
                        EACH_NUMBER_OF_ROWS
#undef CASE
                    }
                }
            }
            filters_back(band, f, panel, stride, outers, folded, of_rows);
        }
    for (int o = 0; o < outers; o++) {
        float *to = g->weight + (outer + o) * g->outer_stride + lane * g->lane_stride;
        unfold_taps(band, folded + o * size, to_fold, to_fold + taps);
        if (g->lane_stride == 1)
            for (int t = 0; t < taps; t++)
                store_some(to + t * g->tap_stride, to_fold[t], lanes, 0);
        else
            scatter(to_fold, to, g->lane_stride, lanes, taps, 0);
    }
}

static void gradient_floats(const void *c, int64_t i, V *room) { gradient(c, i, room, 0); }
static void gradient_halves(const void *c, int64_t i, V *room) { gradient(c, i, room, 1); }

int passband_gradient(const Band *band, const Gradient *gradient, int threads)
{
    Gradient g = *gradient;
    Context context = {band, &g};
    int64_t blocks = blocks_of(g.lanes);
    /* What a task reads is put in order once for all its channels; but there must be enough tasks. */
    g.chunk = MANY_OUTERS;
    while (g.chunk > FEW_OUTERS && blocks * ((g.outers + g.chunk - 1) / g.chunk) < 4 * threads)
        g.chunk /= 2;
    size_t room = 2 * folded_of(&band->rows) + fold_room(band) + 3 * g.rows +
                  3 * g.rows * (g.chunk / LANES) +
                  (size_t)g.chunk * (filter_of(band) + 4 * rows_of_bins(band, 2 * g.chunk));
    int64_t tasks = blocks * ((g.outers + g.chunk - 1) / g.chunk);
    return run(g.half ? gradient_halves : gradient_floats, &context, tasks, room, threads);
}
