/* Activations of vectors, and their slopes where they have a given value. */

#ifndef PASSBAND_ACTIVATIONS_H
#define PASSBAND_ACTIVATIONS_H

#include "vector.h"

/* `sparse.py` lists their names in the same order. */
enum { IDENTITY, TANH, SOFTSIGN, HARDTANH, SOFTSHRINK, RELU, ARCTAN };

INLINE V splat(float x) { return (V){0} + x; }
INLINE V magnitude(V x) { return (V)((Bits)x & 0x7fffffff); }
INLINE V signed_as(V x, V like) { return chosen((Bits){0} + 0x80000000, like, x); }

/* What is no number stays so. */
INLINE V at_most(V x, float most)
{
#if LANES == 16
    return (V)_mm512_min_ps((__m512)splat(most), (__m512)x);
#else
    return chosen((Bits)(x > most), splat(most), x);
#endif
}

INLINE V at_least(V x, float least)
{
#if LANES == 16
    return (V)_mm512_max_ps((__m512)splat(least), (__m512)x);
#else
    return chosen((Bits)(x < least), splat(least), x);
#endif
}

/* -expm1(-2|x|) / (2 + expm1(-2|x|)): no digits are lost near 0. */
INLINE V tanh_of(V x)
{
    V y = -2 * at_most(magnitude(x), 10);
    /* y = n log(2) + r: n stands in the last bits of n + 1.5 * 2^23. */
    V shifted = y * 1.44269504f + 12582912.f, n = shifted - 12582912.f;
    V r = y - n * .693147181f; /* of a large n not exact, but then its power is small */
    V power = (V)(((Bits)shifted + 127) << 23);
    V p = r * 1.394658124e-3f + 8.366659298e-3f;
    p = p * r + 4.166628027e-2f;
    p = p * r + 1.666654243e-1f;
    p = p * r + 5.000000062e-1f;
    V less = power * (p * r * r + r) + (power - 1);
    return signed_as(less / (2 + less), x);
}

/* arctan(t) or, beyond 1, pi / 2 - arctan(1 / t). */
INLINE V arctan_of(V x)
{
    V a = magnitude(x);
    Bits beyond = (Bits)(a > 1);
    V t = chosen(beyond, splat(-1), a) / chosen(beyond, a, splat(1)), s = t * t;
    V p = s * 2.974590616e-3f - 1.658118493e-2f;
    p = p * s + 4.355354097e-2f;
    p = p * s - 7.580578277e-2f;
    p = p * s + 1.067894034e-1f;
    p = p * s - 1.421420915e-1f;
    p = p * s + 1.999413721e-1f;
    p = p * s - 3.333316697e-1f;
    return signed_as((V)(beyond & (Bits)splat(1.57079633f)) + (p * s * t + t), x);
}

/* cos(y)^2 as sin(pi / 2 - |y|)^2, which keeps its digits where it is small. */
INLINE V arctan_slope(V y)
{
    V w = (1.57079637f - magnitude(y)) - 4.37113883e-8f, s = w * w;
    V p = s * 2.608913801e-6f - 1.981110494e-4f;
    p = p * s + 8.333088072e-3f;
    p = p * s - 1.666666046e-1f;
    V sine = p * s * w + w;
    return sine * sine;
}

INLINE V activated(V x, int activation)
{
    switch (activation) {
    case TANH:
        return tanh_of(x);
    case SOFTSIGN: {
        V a = at_most(magnitude(x), 1e30f); /* of infinity, too */
        return signed_as(a / (1 + a), x);
    }
    case HARDTANH:
        return at_least(at_most(x, 1), -1);
    case SOFTSHRINK:
        return chosen((Bits)(magnitude(x) <= .5f), splat(0), x - signed_as(splat(.5f), x));
    case RELU:
        return at_least(x, 0);
    case ARCTAN:
        return arctan_of(x);
    }
    return x;
}

/* The slope where an activation has the value y. */
INLINE V slope(V y, int activation)
{
    const V one = splat(1);
    switch (activation) {
    case TANH:
        return 1 - y * y;
    case SOFTSIGN:
        return (1 - magnitude(y)) * (1 - magnitude(y));
    case HARDTANH:
        return (V)((Bits)(magnitude(y) < 1) & (Bits)one);
    case SOFTSHRINK:
        return (V)((Bits)(y != 0) & (Bits)one);
    case RELU:
        return (V)((Bits)(y > 0) & (Bits)one);
    case ARCTAN:
        return arctan_slope(y);
    }
    return one;
}

#endif
