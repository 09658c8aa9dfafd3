/* Vectors of the widest registers that the compiler may use, by GCC's and Clang's vector types. */

#ifndef PASSBAND_VECTOR_H
#define PASSBAND_VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define LANES 16
#define ROWS 8 /* of a tile of a product: two sums each, kept in registers */
#define SUMS 12 /* of a small matrix times vectors, kept in registers */
#elif defined(__AVX__)
#define LANES 8
#define ROWS 4
#define SUMS 8
#else
#define LANES 4
#define ROWS 8
#define SUMS 12
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float V __attribute__((vector_size(4 * LANES)));
typedef float Unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint32_t Bits __attribute__((vector_size(4 * LANES)));
typedef uint16_t Halves __attribute__((vector_size(2 * LANES)));
typedef uint16_t UnalignedHalves __attribute__((vector_size(2 * LANES), aligned(2), may_alias));

INLINE V load(const float *from) { return *(const Unaligned *)from; }
INLINE void store(float *to, V v) { *(Unaligned *)to = v; }

/* Where all bits of a lane are set, x. */
INLINE V chosen(Bits where, V x, V other)
{
    return (V)((where & (Bits)x) | (~where & (Bits)other));
}

/* bfloat16 is the upper half of a float, rounded to the nearest, of two as near to the even one. */
INLINE V widened(Halves h) { return (V)(__builtin_convertvector(h, Bits) << 16); }

INLINE Halves rounded(V v)
{
    Bits bits = (Bits)v, rounded = bits + 0x7fff + (bits >> 16 & 1);
    Bits nan = (Bits)(v != v);
    return __builtin_convertvector(((nan & 0x7fc00000) | (~nan & rounded)) >> 16, Halves);
}

/* Numbers in memory: floats, or halves, that is bfloat16. `half` is always a constant. */
INLINE const void *past(const void *from, ptrdiff_t numbers, int half)
{
    return (const char *)from + numbers * (half ? 2 : 4);
}

/* The first `lanes` of a vector; the others are 0, or not written. */
INLINE V load_some(const void *from, int lanes, int half)
{
    if (half) {
        if (lanes >= LANES)
            return widened(*(const UnalignedHalves *)from);
        Halves h = {0};
        memcpy(&h, from, sizeof(uint16_t) * lanes);
        return widened(h);
    }
    if (lanes >= LANES)
        return load(from);
#if LANES == 16
    return (V)_mm512_maskz_loadu_ps((1u << lanes) - 1, from);
#else
    V v = {0};
    memcpy(&v, from, sizeof(float) * lanes);
    return v;
#endif
}

INLINE void store_some(void *to, V v, int lanes, int half)
{
    if (half) {
        Halves h = rounded(v);
        if (lanes >= LANES)
            *(UnalignedHalves *)to = h;
        else
            memcpy(to, &h, sizeof(uint16_t) * lanes);
        return;
    }
    if (lanes >= LANES)
        store(to, v);
    else
#if LANES == 16
        _mm512_mask_storeu_ps(to, (1u << lanes) - 1, (__m512)v);
#else
        memcpy(to, &v, sizeof(float) * lanes);
#endif
}

/* Swap the off-diagonal blocks of side S of a and b. */
#if LANES == 16
#define SWAP8(a, b) do { \
    V t = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23); \
    b = __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31); \
    a = t; } while (0)
#define SWAP4(a, b) do { \
    V t = __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27); \
    b = __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31); \
    a = t; } while (0)
#define SWAP2(a, b) do { \
    V t = __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29); \
    b = __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31); \
    a = t; } while (0)
#define SWAP1(a, b) do { \
    V t = __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30); \
    b = __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31); \
    a = t; } while (0)
#elif LANES == 8
#define SWAP4(a, b) do { \
    V t = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11); \
    b = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15); \
    a = t; } while (0)
#define SWAP2(a, b) do { \
    V t = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13); \
    b = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15); \
    a = t; } while (0)
#define SWAP1(a, b) do { \
    V t = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14); \
    b = __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15); \
    a = t; } while (0)
#else
#define SWAP2(a, b) do { \
    V t = __builtin_shufflevector(a, b, 0, 1, 4, 5); \
    b = __builtin_shufflevector(a, b, 2, 3, 6, 7); \
    a = t; } while (0)
#define SWAP1(a, b) do { \
    V t = __builtin_shufflevector(a, b, 0, 4, 2, 6); \
    b = __builtin_shufflevector(a, b, 1, 5, 3, 7); \
    a = t; } while (0)
#endif

#define STAGE(side, swap) \
    for (int i = 0; i < LANES; i++) \
        if (!(i & side)) \
            swap(v[i], v[i + side])

/* Turn a square of LANES vectors over. */
INLINE void turn(V v[LANES])
{
#if LANES >= 16
#pragma GCC unroll 16
    STAGE(8, SWAP8);
#endif
#if LANES >= 8
#pragma GCC unroll 16
    STAGE(4, SWAP4);
#endif
#pragma GCC unroll 16
    STAGE(2, SWAP2);
#pragma GCC unroll 16
    STAGE(1, SWAP1);
}

/* `lanes` rows of `width` numbers, `stride` apart, to `width` vectors with a row in each lane. */
INLINE void gather(const void *from, ptrdiff_t stride, int lanes, int width, int half, V *to)
{
    for (int at = 0; at < width; at += LANES) {
        int some = width - at < LANES ? width - at : LANES;
        V v[LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) {
            const void *row = past(from, i * stride + at, half);
            /* Of so many rows at once the processor does not foresee the next part. */
            v[i] = i < lanes ? load_some(row, some, half) : (V){0};
        }
        turn(v);
        for (int i = 0; i < some; i++)
            to[at + i] = v[i];
    }
}

/* The way back. */
INLINE void scatter(const V *from, void *to, ptrdiff_t stride, int lanes, int width, int half)
{
    for (int at = 0; at < width; at += LANES) {
        int some = width - at < LANES ? width - at : LANES;
        V v[LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            v[i] = i < some ? from[at + i] : (V){0};
        turn(v);
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            if (i < lanes)
                store_some((void *)past(to, i * stride + at, half), v[i], some, half);
    }
}

/* out[k] = sum over p of table[p][k] * in[p]. */
INLINE void sums(int rows, const float *table, int columns, const V *in, ptrdiff_t in_stride,
                 int points, V *out, ptrdiff_t out_stride)
{
    V sum[SUMS];
#pragma GCC unroll 16
    for (int k = 0; k < rows; k++)
        sum[k] = (V){0};
    for (int p = 0; p < points; p++, table += columns) {
        V x = in[p * in_stride];
#pragma GCC unroll 16
        for (int k = 0; k < rows; k++)
            sum[k] += x * table[k];
    }
#pragma GCC unroll 16
    for (int k = 0; k < rows; k++)
        out[k * out_stride] = sum[k];
}

/* The same for any number of columns, in even blocks. */
__attribute__((unused)) static void transform(const float *table, int columns, const V *in,
                                              ptrdiff_t in_stride, int points, V *out,
                                              ptrdiff_t out_stride)
{
    int blocks = (columns + SUMS - 1) / SUMS;
    for (int b = 0, done = 0; b < blocks; b++) {
        int rows = (columns - done) / (blocks - b);
        const float *at = table + done;
        V *to = out + done * out_stride;
        switch (rows) {
#define CASE(n) \
    case n: \
        sums(n, at, columns, in, in_stride, points, to, out_stride); \
        break;
            CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#if SUMS > 8
            CASE(9) CASE(10) CASE(11) CASE(12)
#endif
#undef CASE
        }
        done += rows;
    }
}

#endif
