/* A product of one row. Each filter's spectrum is multiplied with once, so it is in registers only,
   and reading the taps from memory takes as long as all else. Therefore some filters at a time stay
   in the nearest cache and meet all frequencies, while the next are on their way. */

#include "product.h"

#define MOST_KY 5 /* at once: of their sums there are 18, since one is its own mirror image */
#define CHUNK (2 * LANES) /* filters at a time */

#define NUMBERS (CHUNK / LANES * 4 * MOST_KY) /* vectors of them */

INLINE size_t sums_size(const Band *band)
{
    return (size_t)4 * band->rows.modes * band->columns.modes;
}

/* Some of the row's numbers at some bins, (numbers / LANES, bins, 2) vectors. */
INLINE void take_row(const void *source, const int32_t *bins, int n_bins, int64_t inner,
                     int64_t first, int64_t end, int half, float sign, V *to)
{
    for (int64_t k = first; k < end; k += LANES)
        for (int b = 0; b < n_bins; b++, to += 2) {
            const void *re = past(source, 2 * bins[b] * inner + k, half);
            int some = at_most(LANES, end - k);
            to[0] = load_some(re, some, half);
            to[1] = sign * load_some(past(re, inner, half), some, half);
        }
}

/* Adds a complex product to real and imaginary part; of a `real` filter v is 0. */
INLINE void add_product(V *sum, const float *x, V u, V v, int real)
{
    float re = x[0], im = x[LANES];
    sum[0] += re * u;
    sum[1] += im * u;
    if (!real) {
        sum[0] -= im * v;
        sum[1] += re * v;
    }
}

/* Where the sums of the `j`th of some ky begin: real and imaginary part, then those of its mirror
   image, unless the filter is `alone`, its own mirror image along the columns, or the first of the
   ky is its `own` along the rows. */
INLINE int sums_of(int j, int alone, int own) { return alone ? 2 * j : 4 * j - 2 * (own && j); }

/* Adds what `n` frequencies ky of one kx come to. The numbers from `rows_even` on are as in
   `filter_bins`. */
INLINE void row_sums(int n, int alone, int own, int rows_even, int rows_odd, int even, int odd,
                     const Band *band, int kx, int ky, const V *folded, int filters,
                     const V *numbers, V *re, V *im, V *out)
{
    const Axis *rows = &band->rows, *columns = &band->columns;
    int size = (rows_even + rows_odd) * (even + odd);
    V sum[4 * MOST_KY];
#pragma GCC unroll 20
    for (int i = 0; i < sums_of(n, alone, own); i++)
        sum[i] = out[i];
    for (int first = 0; first < filters; first += LANES) {
        int some = at_most(LANES, filters - first);
        for (int k = 0; k < some; k++, folded += size) {
            /* For each frequency again, since a processor with much to fetch forgets some. */
#pragma GCC unroll 9
            for (int i = 0; i < size; i++)
                __builtin_prefetch(folded + CHUNK * size + i, 0, 2);
            along_columns(rows_even + rows_odd, even, odd, alone, cosines(columns, kx, even),
                          sines(columns, kx, odd), folded, re, im);
            const float *x = (const float *)numbers + k, *mirror_x = x + 2 * n * LANES;
#pragma GCC unroll 5
            for (int j = 0; j < n; j++, x += 2 * LANES) {
                int its_own = own && j == 0;
                Pair bins = along_rows(rows_even, rows_odd, alone, its_own,
                                       cosines(rows, ky + j, rows_even),
                                       sines(rows, ky + j, rows_odd), re, im);
                V *to = sum + sums_of(j, alone, own);
                add_product(to, x, bins.re, bins.im, alone && its_own);
                if (!alone && !its_own) {
                    add_product(to + 2, mirror_x, bins.mirror_re, bins.mirror_im, 0);
                    mirror_x += 2 * LANES;
                }
            }
        }
        numbers += 2 * (alone ? n : 2 * n - own);
    }
#pragma GCC unroll 20
    for (int i = 0; i < sums_of(n, alone, own); i++)
        out[i] = sum[i];
}

/* The same for any number of ky, of 3x3 taps with all numbers in registers. */
INLINE void row_sums_of(int n, int alone, int own, const Band *band, int kx, int ky,
                        const V *folded, int filters, const V *numbers, V *room, V *out)
{
    const Axis *rows = &band->rows, *columns = &band->columns;
    int height = folded_of(rows);
    V re[3], im[3];
#define ADD(n, rows_even, rows_odd, even, odd, re, im) \
    row_sums(n, alone, own, rows_even, rows_odd, even, odd, band, kx, ky, folded, filters, numbers, \
             re, im, out)
    switch (n) {
#define CASE(n) \
    case n: \
        if (IS(2, 1)) \
            ADD(n, 2, 1, 2, 1, re, im); \
        else \
            ADD(n, rows->points, rows->odd, columns->points, columns->odd, room, room + height); \
        break;
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5)
#undef CASE
    }
#undef ADD
}

/* How many frequencies from ky on to sum at once: about equally many each time, of which only the
   first may be its own mirror image. */
INLINE int ky_at_once(const Axis *rows, int ky)
{
    int own = ky < rows->own, left = rows->modes - ky - own;
    int times = (left + MOST_KY - 2) / (MOST_KY - 1);
    return ky + 1 < rows->own || !left ? 1 : own + (left + times - 1) / times;
}

INLINE void multiply(const void *context, int64_t index, V *room, int half)
{
    const Band *band = ((const Factors *)context)->band;
    const Product *p = ((const Factors *)context)->product;
    Part part = part_of(band, p, index);
    int modes = band->rows.modes, size = filter_of(band);
    int lanes = at_most(LANES, p->lanes - part.first);
    int64_t inner = p->inner;
    float sign = p->conjugate ? -1 : 1; /* x conj(f) is conj(conj(x) f) */
    V *of_rows = room, *numbers = of_rows + 2 * folded_of(&band->rows);
    V *sums = numbers + NUMBERS, *to_fold = sums + sums_size(band);
    const V *folded = folded_block(band, p, part.block, to_fold);
    memset(sums, 0, sizeof(V) * sums_size(band));
    for (int64_t first = 0; first < inner; first += CHUNK, folded += CHUNK * size) {
        int filters = at_most(CHUNK, inner - first), last = first + CHUNK >= inner;
        V *sum = sums;
        for (int kx = part.kx; kx < part.end; kx++)
            for (int ky = 0, n; ky < modes; ky += n) {
                int alone = kx < band->columns.own, own = ky < band->rows.own;
                n = ky_at_once(&band->rows, ky);
                int32_t bins[2 * MOST_KY];
                int n_bins = bins_at(band, (Frequencies){kx, ky, ky + n}, bins);
                take_row(p->source, bins, n_bins, inner, first, first + filters, half, sign,
                         numbers);
#define ADD(alone, own) \
    row_sums_of(n, alone, own, band, kx, ky, folded, filters, numbers, of_rows, sum)
                if (alone && own)
                    ADD(1, 1);
                else if (alone)
                    ADD(1, 0);
                else if (own)
                    ADD(0, 1);
                else
                    ADD(0, 0);
#undef ADD
                for (int b = 0; b < n_bins && last; b++) {
                    const V *of_bin = b < n ? sum + sums_of(b, alone, own)
                                            : sum + sums_of(b - n + own, alone, own) + 2;
                    void *to = (void *)past(p->target, 2 * bins[b] * p->lanes + part.first, half);
                    store_some(to, of_bin[0], lanes, half);
                    store_some((void *)past(to, p->lanes, half), sign * of_bin[1], lanes, half);
                }
                sum += sums_of(n, alone, own);
            }
    }
}

static void multiply_floats(const void *c, int64_t i, V *room) { multiply(c, i, room, 0); }
static void multiply_halves(const void *c, int64_t i, V *room) { multiply(c, i, room, 1); }

int multiply_row(const Band *band, const Product *product, int threads)
{
    size_t room = 2 * folded_of(&band->rows) + NUMBERS + sums_size(band) +
                  folded_room(band, product);
    Task *task = product->half ? multiply_halves : multiply_floats;
    return run_parts(task, band, product, room, threads);
}
