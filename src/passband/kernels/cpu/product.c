/* The product of spectra with filters that are given by their taps.

   For each kept bin it is a complex matrix product over channels. Filter spectra, many times as
   large as the filters, are never in memory: those of LANES channels at one frequency of the
   columns are computed when they are multiplied with, and lie in the cache.

   A complex product is three real ones: with a = u (x + y), b = x (v - u), c = y (u + v),
   (x + iy) (u + iv) = a - c + i (a + b). */

#include "product.h"
#include "work.h"

static void pack_block(const void *context, int64_t block, V *room)
{
    const Product *p = ((const Factors *)context)->product;
    const Band *band = ((const Factors *)context)->band;
    pack(band, p, block * LANES, (V *)p->packed + block * p->inner * filter_of(band), room);
}

/* LANES filters at some bins, in the order of `bins_at`: u, v - u, u + v. The first four numbers
   say how many sums and differences of mirrored taps the axes have. */
INLINE void filter_bins(int rows_even, int rows_odd, int even, int odd, const Band *band,
                        Frequencies f, const V *folded, float sign, V *panel, V *re, V *im)
{
    const Axis *rows = &band->rows, *columns = &band->columns;
    int alone = f.kx < columns->own;
    along_columns(rows_even + rows_odd, even, odd, alone, cosines(columns, f.kx, even),
                  sines(columns, f.kx, odd), folded, re, im);
    V *mirror = panel + 3 * (f.last - f.first);
    for (int ky = f.first; ky < f.last; ky++, panel += 3) {
        int own = ky < rows->own;
        Pair bins = along_rows(rows_even, rows_odd, alone, own, cosines(rows, ky, rows_even),
                               sines(rows, ky, rows_odd), re, im);
        put(panel, bins.re, sign * bins.im);
        if (!alone && !own) {
            put(mirror, bins.mirror_re, sign * bins.mirror_im);
            mirror += 3;
        }
    }
}

/* Those of `inner` filters, (inner, bins, 3): of 3x3 and 5x5 taps with all sums in registers. */
static void filter_panel(const Band *band, Frequencies f, const V *folded, int64_t inner,
                         float sign, int bins, V *panel, V *room)
{
    const Axis *rows = &band->rows, *columns = &band->columns;
    int size = filter_of(band), height = folded_of(rows);
    V re[5], im[5];
#define EACH(rows_even, rows_odd, even, odd, re, im) \
    for (int64_t k = 0; k < inner; k++) \
    filter_bins(rows_even, rows_odd, even, odd, band, f, folded + k * size, sign, \
                panel + 3 * k * bins, re, im)
    if (IS(2, 1))
        EACH(2, 1, 2, 1, re, im);
    else if (IS(3, 2))
        EACH(3, 2, 3, 2, re, im);
    else
        EACH(rows->points, rows->odd, columns->points, columns->odd, room, room + height);
#undef EACH
}

/* From halves, or to save memory from floats where they lie; `room` is for the others. */
INLINE Operand operand(const void *re, const void *im, int64_t numbers, int half, V *room)
{
    int64_t vectors = (numbers + LANES - 1) / LANES;
    V *sum = room, *wide_re = room + vectors, *wide_im = room + 2 * vectors;
    for (int64_t i = 0; i < vectors; i++) {
        int some = at_most(LANES, numbers - i * LANES);
        V x = load_some(past(re, i * LANES, half), some, half);
        V y = load_some(past(im, i * LANES, half), some, half);
        sum[i] = x + y;
        if (half)
            wide_re[i] = x, wide_im[i] = y;
    }
    if (half)
        return (Operand){(float *)wide_re, (float *)wide_im, (float *)sum};
    return (Operand){re, im, (float *)sum};
}

INLINE size_t operand_size(int64_t numbers) { return 3 * (numbers + LANES - 1) / LANES + 3; }

/* `rows` rows of one bin's product. */
INLINE void tile(int rows, Operand s, int64_t inner, const V *panel, ptrdiff_t step, void *re,
                 void *im, int64_t stride, int lanes, int half)
{
    V sum_re[ROWS], sum_im[ROWS];
    add_products(rows, s, inner, 1, panel, step, inner, sum_re, sum_im);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
        store_some((void *)past(re, r * stride, half), sum_re[r], lanes, half);
        store_some((void *)past(im, r * stride, half), sum_im[r], lanes, half);
    }
}

INLINE void multiply(const void *context, int64_t index, V *room, int half)
{
    const Band *band = ((const Factors *)context)->band;
    const Product *p = ((const Factors *)context)->product;
    Part part = part_of(band, p, index);
    int lanes = at_most(LANES, p->lanes - part.first);
    int64_t inner = p->inner, numbers = p->rows * inner, to_part = p->rows * p->lanes;
    V *of_rows = room, *sums = of_rows + 2 * folded_of(&band->rows);
    V *panel = sums + operand_size(numbers); /* (bins of kx, inner, 3) */
    int rows_modes = band->rows.modes, step = rows_of_bins(band, 3 * inner);
    const V *folded = folded_block(band, p, part.block, panel + 6 * inner * step);
    for (int kx = part.kx; kx < part.end; kx++)
        for (int ky = 0; ky < rows_modes; ky += step) {
            Frequencies f = {kx, ky, ky + at_most(step, rows_modes - ky)};
            int32_t bins[2 * step];
            int n_bins = bins_at(band, f, bins);
            filter_panel(band, f, folded, inner, p->conjugate ? -1 : 1, n_bins, panel, of_rows);
            for (int i = 0; i < n_bins; i++) {
                const void *from = past(p->source, 2 * bins[i] * numbers, half);
                Operand s = operand(from, past(from, numbers, half), numbers, half, sums);
                const void *to = past(p->target, 2 * bins[i] * to_part + part.first, half);
                for (int64_t row = 0; row < p->rows; row += ROWS) {
                    Operand here = {s.re + row * inner, s.im + row * inner, s.sum + row * inner};
                    void *to_re = (void *)past(to, row * p->lanes, half);
                    void *to_im = (void *)past(to_re, to_part, half);
                    switch (at_most(ROWS, p->rows - row)) {
#define CASE(n) \
        case n: \
            tile(n, here, inner, panel + 3 * i, 3 * n_bins, to_re, to_im, p->lanes, lanes, half); \
            break;
                        EACH_NUMBER_OF_ROWS
#undef CASE
                    }
                }
            }
        }
}

static void multiply_floats(const void *c, int64_t i, V *room) { multiply(c, i, room, 0); }
static void multiply_halves(const void *c, int64_t i, V *room) { multiply(c, i, room, 1); }

int passband_pack(const Band *band, const Product *product, int threads)
{
    Factors factors = {band, product};
    return run(pack_block, &factors, blocks_of(product->lanes), fold_room(band), threads);
}

int passband_multiply(const Band *band, const Product *product, int threads)
{
    if (product->rows == 1)
        return multiply_row(band, product, threads);
    size_t room = 2 * folded_of(&band->rows) + operand_size(product->rows * product->inner) +
                  folded_room(band, product) +
                  (size_t)6 * product->inner * rows_of_bins(band, 3 * product->inner);
    Task *task = product->half ? multiply_halves : multiply_floats;
    return run_parts(task, band, product, room, threads);
}

/* How many vectors a packed weight has, of how many lanes. */
int passband_packed(const Band *band, const Product *product)
{
    return blocks_of(product->lanes) * product->inner * filter_of(band);
}

int passband_lanes(void) { return LANES; }

#ifndef SOURCES /* the digest of these files, by hatch_build.py: sources.py computes it */
#define SOURCES ""
#endif
const char *passband_sources(void) { return SOURCES; }
