/* Activations of two slopes, which leave one bit for each element. */

#include "work.h"

#define CHUNK (1 << 15) /* elements of a task: whole bytes of bits */

/* Element i has bit i % 8 of byte i / 8: whether it is at or beyond a bound. */
typedef struct {
    const void *from;
    void *to; /* or NULL */
    uint8_t *bits;
    int64_t count;
    float low, high, slope;
    int32_t half;
} Mask;

/* The bits of LANES numbers. */
INLINE uint32_t bits_of(V x, float low, float high)
{
#if LANES == 16
    __m512 v = (__m512)x;
    return _mm512_cmp_ps_mask(v, _mm512_set1_ps(low), _CMP_LE_OQ) |
           _mm512_cmp_ps_mask(v, _mm512_set1_ps(high), _CMP_GE_OQ);
#else
    Bits beyond = (Bits)(x <= low) | (Bits)(x >= high);
    uint32_t bits = 0;
    for (int i = 0; i < LANES; i++)
        bits |= (beyond[i] & 1) << i;
    return bits;
#endif
}

/* Where a bit is set, x times a slope. */
INLINE V bent(V x, uint32_t bits, float slope)
{
    V other = slope ? x * slope : (V){0}; /* of infinity, too */
#if LANES == 16
    return (V)_mm512_mask_blend_ps(bits, (__m512)x, (__m512)other);
#else
    Bits beyond = {0};
    for (int i = 0; i < LANES; i++)
        beyond[i] = -(bits >> i & 1);
    return (V)((~beyond & (Bits)x) | (beyond & (Bits)other));
#endif
}

INLINE uint32_t load_bits(const uint8_t *bits, int lanes)
{
    uint32_t found = 0;
    memcpy(&found, bits, (lanes + 7) / 8);
    return found;
}

/* Bits of numbers, and the numbers bent where they are set. */
INLINE void forth(const Mask *m, int64_t first, int64_t last, int half)
{
    for (int64_t at = first; at < last; at += LANES) {
        int lanes = last - at < LANES ? last - at : LANES;
        V x = load_some(past(m->from, at, half), lanes, half);
        uint32_t bits = bits_of(x, m->low, m->high);
        if (lanes < LANES)
            bits &= (1u << lanes) - 1;
#if LANES == 4
        m->bits[at / 8] = at % 8 ? m->bits[at / 8] | bits << 4 : bits;
#else
        memcpy(m->bits + at / 8, &bits, (lanes + 7) / 8);
#endif
        if (m->to)
            store_some((void *)past(m->to, at, half), bent(x, bits, m->slope), lanes, half);
    }
}

/* Numbers bent where bits are set. */
INLINE void back(const Mask *m, int64_t first, int64_t last, int half)
{
    for (int64_t at = first; at < last; at += LANES) {
        int lanes = last - at < LANES ? last - at : LANES;
        uint32_t bits = load_bits(m->bits + at / 8, lanes) >> at % 8;
        V x = load_some(past(m->from, at, half), lanes, half);
        store_some((void *)past(m->to, at, half), bent(x, bits, m->slope), lanes, half);
    }
}

#define TASK(name, function, half) \
    static void name(const void *context, int64_t index, V *room) \
    { \
        const Mask *m = context; \
        int64_t first = index * CHUNK, left = m->count - first; \
        function(m, first, first + (left < CHUNK ? left : CHUNK), half); \
    }
TASK(forth_floats, forth, 0)
TASK(forth_halves, forth, 1)
TASK(back_floats, back, 0)
TASK(back_halves, back, 1)

static int each_chunk(Task *task, const Mask *mask, int threads)
{
    return run(task, mask, (mask->count + CHUNK - 1) / CHUNK, 1, threads);
}

int passband_mask(const Mask *mask, int threads)
{
    return each_chunk(mask->half ? forth_halves : forth_floats, mask, threads);
}

int passband_masked(const Mask *mask, int threads)
{
    return each_chunk(mask->half ? back_halves : back_floats, mask, threads);
}
