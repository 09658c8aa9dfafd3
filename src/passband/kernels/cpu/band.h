/* A band on two axes as tables, and the step from both its axes to bins; made by `tables.py`. */

#ifndef PASSBAND_BAND_H
#define PASSBAND_BAND_H

#include "vector.h"

/* Samples that are mirror images of each other on the ring, p and L - p, are added and subtracted
   first: a cosine sees their sum, a sine their difference. `second` is -1 where there is none. The
   last points, from `odd` on, are their own mirror images, which no sine sees. */
typedef struct {
    int32_t count, modes, own, points, odd;
    const int32_t *first, *second;
    const float *cos, *sin;           /* (points, modes) and (odd, modes - own), minus sines */
    const float *cos_back, *sin_back; /* the same, turned over */
} Axis;

typedef struct {
    Axis rows, columns;
    const int32_t *plus, *minus; /* (column modes, row modes): where a bin and its mirror lie, or -1 */
    float single, pair;          /* weight of a bin that is its own mirror image, and of others */
} Band;

/* Room for one axis, and for the products of one frequency of the columns, real and imaginary
   part, with the cosines and sines of the rows. */
typedef struct {
    V *sum, *difference;
    V *cos_re, *sin_re, *cos_im, *sin_im;
} Products;

INLINE int longest(const Band *band)
{
    int most = band->rows.count > band->columns.count ? band->rows.count : band->columns.count;
    return most > band->rows.modes ? most : band->rows.modes;
}

INLINE size_t products_size(const Band *band) { return 6 * (size_t)longest(band); }

INLINE Products products_in(const Band *band, V *room)
{
    ptrdiff_t n = longest(band);
    return (Products){room, room + n, room + 2 * n, room + 3 * n, room + 4 * n, room + 5 * n};
}

/* Sums and differences of mirrored samples, which are `stride` apart. */
INLINE void fold(const Axis *axis, const V *in, ptrdiff_t stride, V *sum, V *difference)
{
    for (int i = 0; i < axis->odd; i++) {
        V a = in[axis->first[i] * stride];
        V b = axis->second[i] < 0 ? (V){0} : in[axis->second[i] * stride];
        sum[i] = a + b;
        difference[i] = a - b;
    }
    for (int i = axis->odd; i < axis->points; i++)
        sum[i] = in[axis->first[i] * stride];
}

INLINE void unfold(const Axis *axis, const V *sum, const V *difference, V *out, ptrdiff_t stride)
{
    for (int i = 0; i < axis->odd; i++) {
        out[axis->first[i] * stride] = sum[i] + difference[i];
        if (axis->second[i] >= 0)
            out[axis->second[i] * stride] = sum[i] - difference[i];
    }
    for (int i = axis->odd; i < axis->points; i++)
        out[axis->first[i] * stride] = sum[i];
}

/* One frequency of the columns, at each row, to its products with the rows' frequencies; `im` is
   NULL where the frequency is its own mirror image. */
INLINE void down_columns(const Axis *rows, const V *re, const V *im, const Products *p)
{
    int own = rows->own, pairs = rows->modes - own;
    fold(rows, re, 1, p->sum, p->difference);
    transform(rows->cos, rows->modes, p->sum, 1, rows->points, p->cos_re, 1);
    transform(rows->sin, pairs, p->difference, 1, rows->odd, p->sin_re + own, 1);
    if (!im)
        return;
    fold(rows, im, 1, p->sum, p->difference);
    transform(rows->cos, rows->modes, p->sum, 1, rows->points, p->cos_im, 1);
    transform(rows->sin, pairs, p->difference, 1, rows->odd, p->sin_im + own, 1);
}

/* The way back. */
INLINE void up_columns(const Axis *rows, const Products *p, V *re, V *im)
{
    int own = rows->own, pairs = rows->modes - own;
    transform(rows->cos_back, rows->points, p->cos_re, 1, rows->modes, p->sum, 1);
    transform(rows->sin_back, rows->odd, p->sin_re + own, 1, pairs, p->difference, 1);
    unfold(rows, p->sum, p->difference, re, 1);
    if (!im)
        return;
    transform(rows->cos_back, rows->points, p->cos_im, 1, rows->modes, p->sum, 1);
    transform(rows->sin_back, rows->odd, p->sin_im + own, 1, pairs, p->difference, 1);
    unfold(rows, p->sum, p->difference, im, 1);
}

/* The bins (kx, ky) and (kx, -ky), real and imaginary parts. */
typedef struct {
    V re, im, mirror_re, mirror_im;
} Pair;

INLINE Pair bins_of(const Products *p, int ky, int alone, int own)
{
    V zero = {0}, cos_re = p->cos_re[ky], sin_re = ky < own ? zero : p->sin_re[ky];
    V cos_im = alone ? zero : p->cos_im[ky], sin_im = alone || ky < own ? zero : p->sin_im[ky];
    return (Pair){cos_re - sin_im, cos_im + sin_re, cos_re + sin_im, cos_im - sin_re};
}

/* The way back; a mirror image that is not there is 0. */
INLINE void products_of(Pair bins, const Products *p, int ky)
{
    p->cos_re[ky] = bins.re + bins.mirror_re;
    p->sin_re[ky] = bins.im - bins.mirror_im;
    p->cos_im[ky] = bins.im + bins.mirror_im;
    p->sin_im[ky] = bins.mirror_re - bins.re;
}

#endif
