/* Filters: their taps, folded like the samples of a map, and their spectra at some bins. */

#ifndef PASSBAND_FILTERS_H
#define PASSBAND_FILTERS_H

#include "band.h"

#define CACHED (512 << 10) /* bytes, of a part of a product */

INLINE int taps_of(const Band *band) { return band->rows.count * band->columns.count; }
INLINE int64_t blocks_of(int64_t lanes) { return (lanes + LANES - 1) / LANES; }
INLINE int at_most(int most, int64_t left) { return left < most ? left : most; }

/* Folded taps: along both axes the sums of mirrored ones, then the differences. */
INLINE int folded_of(const Axis *axis) { return axis->points + axis->odd; }
INLINE int filter_of(const Band *band) { return folded_of(&band->rows) * folded_of(&band->columns); }

INLINE void fold_taps(const Band *band, const V *taps, V *folded, V *room)
{
    const Axis *rows = &band->rows, *columns = &band->columns;
    int across = columns->count, width = folded_of(columns), height = folded_of(rows);
    for (int i = 0; i < across; i++)
        fold(rows, taps + i, across, room + i * height, room + i * height + rows->points);
    for (int r = 0; r < height; r++, folded += width)
        fold(columns, room + r, height, folded, folded + columns->points);
}

INLINE void unfold_taps(const Band *band, const V *folded, V *taps, V *room)
{
    const Axis *rows = &band->rows, *columns = &band->columns;
    int across = columns->count, width = folded_of(columns), height = folded_of(rows);
    for (int r = 0; r < height; r++, folded += width)
        unfold(columns, folded, folded + columns->points, room + r, height);
    for (int i = 0; i < across; i++)
        unfold(rows, room + i * height, room + i * height + rows->points, taps + i, across);
}

INLINE size_t fold_room(const Band *band)
{
    return LANES * taps_of(band) + (size_t)band->columns.count * folded_of(&band->rows);
}

/* The bins (kx, ky), then (kx, -ky), of a frequency kx of the columns and some ky of the rows. */
typedef struct {
    int kx, first, last;
} Frequencies;

INLINE int bins_at(const Band *band, Frequencies f, int32_t *bins)
{
    const int32_t *plus = band->plus + f.kx * band->rows.modes;
    const int32_t *minus = band->minus + f.kx * band->rows.modes;
    int n = 0;
    for (int ky = f.first; ky < f.last; ky++)
        bins[n++] = plus[ky];
    for (int ky = f.first; ky < f.last; ky++)
        if (minus[ky] >= 0)
            bins[n++] = minus[ky];
    return n;
}

/* A frequency of the columns in each row of a filter's folded taps, to cosines (re) and sines (im) of
   the columns; of one that is `alone`, its own mirror image, there is no sine. The numbers of sums
   and differences, of `rows` in all and along the columns, are constants where they are known. */
INLINE void along_columns(int rows, int even, int odd, int alone, const float *cos,
                          const float *sin, const V *folded, V *re, V *im)
{
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++, folded += even + odd) {
        V a = {0}, b = {0};
#pragma GCC unroll 4
        for (int i = 0; i < even; i++)
            a += folded[i] * cos[i];
        if (!alone)
#pragma GCC unroll 4
            for (int i = 0; i < odd; i++)
                b += folded[even + i] * sin[i];
        re[r] = a, im[r] = b;
    }
}

/* A frequency of the rows from there to bins; what is its `own` mirror image has no sine. */
INLINE Pair along_rows(int even, int odd, int alone, int own, const float *cos, const float *sin,
                       const V *re, const V *im)
{
    V cos_re = {0}, cos_im = {0}, sin_re = {0}, sin_im = {0};
#pragma GCC unroll 4
    for (int i = 0; i < even; i++) {
        cos_re += re[i] * cos[i];
        if (!alone)
            cos_im += im[i] * cos[i];
    }
    if (!own)
#pragma GCC unroll 4
        for (int i = 0; i < odd; i++) {
            sin_re += re[even + i] * sin[i];
            if (!alone)
                sin_im += im[even + i] * sin[i];
        }
    return (Pair){cos_re - sin_im, cos_im + sin_re, cos_re + sin_im, cos_im - sin_re};
}

/* Where the tables of a filter have these frequencies. */
INLINE const float *cosines(const Axis *axis, int k, int even) { return axis->cos_back + k * even; }
INLINE const float *sines(const Axis *axis, int k, int odd)
{
    return axis->sin_back + (k < axis->own ? 0 : (k - axis->own) * odd);
}

/* How many ky at once: so many that what is computed for their bins stays in the cache. */
INLINE int rows_of_bins(const Band *band, int64_t vectors_each)
{
    int64_t most = CACHED / (2 * vectors_each * (int64_t)sizeof(V));
    return at_most(band->rows.modes, most < 2 ? 2 : most);
}

/* Whether both axes have so many sums and differences of mirrored taps. */
#define IS(n, m) (rows->points == n && rows->odd == m && columns->points == n && columns->odd == m)

INLINE void put(V *to, V re, V im)
{
    to[0] = re;
    to[1] = im - re;
    to[2] = re + im;
}

/* Numbers that many sums are multiplied with: real parts, imaginary parts, and what they sum to. */
typedef struct {
    const float *re, *im, *sum;
} Operand;

/* For `rows` numbers, `row` apart, the sums over `length` complex products with a panel of
   u, v - u, u + v: of number k, `along` and `step` apart, with vector k. */
INLINE void add_products(int rows, Operand s, ptrdiff_t row, ptrdiff_t along, const V *panel,
                         ptrdiff_t step, int64_t length, V *re, V *im)
{
    V a[ROWS], b[ROWS], c[ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
        a[r] = b[r] = c[r] = (V){0};
    for (int64_t k = 0; k < length; k++, panel += step) {
        V u = panel[0], v_less_u = panel[1], u_and_v = panel[2];
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            a[r] += s.sum[r * row + k * along] * u;
            b[r] += s.re[r * row + k * along] * v_less_u;
            c[r] += s.im[r * row + k * along] * u_and_v;
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
        re[r] = a[r] - c[r], im[r] = a[r] + b[r];
}

#if ROWS == 8
#define EACH_NUMBER_OF_ROWS \
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#else
#define EACH_NUMBER_OF_ROWS CASE(1) CASE(2) CASE(3) CASE(4)
#endif

#endif
