/* Spectra of which small coefficients are 0, and a bit for each coefficient tells.

   A spectrum is (bins, 2, plane): real and imaginary parts of a plane of images and channels. A
   coefficient's index counts those of the bins before: i is (i / plane, both parts, i % plane). */

#include "activations.h"
#include "work.h"

#define CHUNK (1 << 13) /* coefficients of a task: whole words of bits */

/* Coefficient i has bit i % 8 of byte i / 8: whether it is kept. */
typedef struct {
    const void *from; /* a spectrum; NULL stands for ones */
    void *to;         /* a spectrum */
    uint8_t *bits;
    void *values;               /* (2, kept): the kept coefficients in their order */
    const float *scale, *shift; /* of channels, (channels + LANES), from the first again; or NULL */
    int64_t *starts;            /* of chunks, in the values; then kept */
    int64_t count, plane, channels, kept;
    float unit;  /* a power of two, which magnitudes are multiplied by before they are squared, */
    float least; /* and the square of the least that is kept */
    int32_t real, imaginary; /* activations */
    int32_t half, half_values;
} Sparse;

/* Where coefficients lie in a spectrum: the first real part, and how many the plane still has. */
typedef struct {
    int64_t at, left;
} Place;

INLINE Place place_of(int64_t coefficient, int64_t plane)
{
    int64_t offset = coefficient % plane;
    return (Place){2 * (coefficient - offset) + offset, plane - offset};
}

INLINE Place after(Place p, int64_t coefficients, int64_t plane)
{
    p.at += coefficients, p.left -= coefficients;
    for (; p.left <= 0; p.left += plane)
        p.at += plane;
    return p;
}

/* A vector of one part, which is `part` behind the real one; it may lie across planes. */
INLINE V load_part(const void *from, Place p, int64_t part, int64_t plane, int lanes, int half)
{
    if (p.left >= lanes)
        return load_some(past(from, p.at + part, half), lanes, half);
    float x[LANES] = {0};
    for (int i = 0; i < lanes; i++, p = after(p, 1, plane))
        x[i] = load_some(past(from, p.at + part, half), 1, half)[0];
    return load(x);
}

INLINE void store_part(void *to, Place p, int64_t part, int64_t plane, V v, int lanes, int half)
{
    if (p.left >= lanes) {
        store_some((void *)past(to, p.at + part, half), v, lanes, half);
        return;
    }
    for (int i = 0; i < lanes; i++, p = after(p, 1, plane))
        store_some((void *)past(to, p.at + part, half), splat(v[i]), 1, half);
}

/* Where a vector is not below a bound: what is no number is not. */
INLINE uint32_t bits_of(V x, float least)
{
#if LANES == 16
    return _mm512_cmp_ps_mask((__m512)x, (__m512)splat(least), _CMP_NLT_UQ);
#elif LANES == 8
    return ~_mm256_movemask_ps((__m256)(x < least));
#else
    Bits below = (Bits)(x < least);
    uint32_t bits = 0;
    for (int i = 0; i < LANES; i++)
        bits |= (~below[i] & 1) << i;
    return bits;
#endif
}

INLINE Bits lane(void)
{
    Bits lane;
    for (int i = 0; i < LANES; i++)
        lane[i] = i;
    return lane;
}

/* Where a bit is set, x. */
INLINE V only(uint32_t bits, V x)
{
#if LANES == 16
    return (V)_mm512_maskz_mov_ps(bits, (__m512)x);
#else
    return (V)((Bits)x & -(bits >> lane() & 1));
#endif
}

INLINE uint32_t load_bits(const Sparse *s, int64_t at, int lanes)
{
    uint32_t bits = s->bits[at / 8];
    if (lanes > 8)
        bits |= s->bits[at / 8 + 1] << 8;
    return bits >> at % 8 & ((1u << lanes) - 1);
}

INLINE void store_bits(const Sparse *s, int64_t at, uint32_t bits, int lanes)
{
    s->bits[at / 8] = at % 8 ? s->bits[at / 8] | bits << 4 : bits;
    if (lanes > 8)
        s->bits[at / 8 + 1] = bits >> 8;
}

/* x with the lanes that are kept first, or the way back; the others hold anything. */
INLINE V compressed(uint32_t bits, V x)
{
#if LANES == 16
    return (V)_mm512_maskz_compress_ps(bits, (__m512)x);
#else
    float from[LANES], to[LANES] = {0};
    store(from, x);
    for (int i = 0, next = 0; i < LANES; next += bits >> i & 1, i++)
        to[next] = from[i];
    return load(to);
#endif
}

INLINE V expanded(uint32_t bits, V x)
{
#if LANES == 16
    return (V)_mm512_maskz_expand_ps(bits, (__m512)x);
#else
    float from[LANES], to[LANES];
    store(from, x);
    for (int i = 0, next = 0; i < LANES; next += bits >> i & 1, i++)
        to[i] = from[next];
    return only(bits, load(to));
#endif
}

/* Each of a chunk's vectors in turn. */
#define EACH_VECTOR(s, index) \
    int64_t first = (index) * CHUNK, last = first + CHUNK < s->count ? first + CHUNK : s->count; \
    Place place = place_of(first, s->plane); \
    for (int64_t at = first, lanes; lanes = last - at < LANES ? last - at : LANES, lanes > 0; \
         at += LANES, place = after(place, LANES, s->plane))

INLINE void settle(const Sparse *s, int64_t index, int half)
{
    int64_t channel = index * CHUNK % s->channels, step = LANES % s->channels;
    EACH_VECTOR(s, index) {
        V re = load_part(s->from, place, 0, s->plane, lanes, half);
        V im = load_part(s->from, place, s->plane, s->plane, lanes, half);
        if (s->scale) {
            V scale = load(s->scale + channel), shift = load(s->shift + channel);
            re *= scale;
            im *= scale;
            if (at < s->plane) { /* of these some are in the first bin */
                uint32_t some = s->plane - at < LANES ? s->plane - at : LANES;
                re += (V)((Bits)(lane() < some) & (Bits)shift);
            }
            channel += step;
            channel -= channel < s->channels ? 0 : s->channels;
        }
        V a = re * s->unit, b = im * s->unit;
        uint32_t bits = bits_of(a * a + b * b, s->least) & ((1u << lanes) - 1);
        store_bits(s, at, bits, lanes);
        re = only(bits, activated(re, s->real));
        im = only(bits, activated(im, s->imaginary));
        store_part(s->to, place, 0, s->plane, re, lanes, half);
        store_part(s->to, place, s->plane, s->plane, im, lanes, half);
    }
}

/* The bits that are set from the first of a chunk on. */
static int64_t set(const Sparse *s, int64_t first, int64_t last)
{
    int64_t found = 0, at = first;
    for (; at + 64 <= last; at += 64) {
        uint64_t word;
        memcpy(&word, s->bits + at / 8, 8);
        found += __builtin_popcountll(word);
    }
    for (; at < last; at++)
        found += s->bits[at / 8] >> at % 8 & 1;
    return found;
}

/* So a whole vector is written wherever the chunk writes again, and else no more than kept. */
INLINE void pack(const Sparse *s, int64_t index, int half, int half_values)
{
    int64_t next = s->starts[index], end = s->starts[index + 1];
    EACH_VECTOR(s, index) {
        uint32_t bits = load_bits(s, at, lanes);
        V re = compressed(bits, load_part(s->from, place, 0, s->plane, lanes, half));
        V im = compressed(bits, load_part(s->from, place, s->plane, s->plane, lanes, half));
        int some = end - next < LANES ? end - next : LANES;
        if (some) { /* or the values may have no memory */
            store_some((void *)past(s->values, next, half_values), re, some, half_values);
            store_some((void *)past(s->values, s->kept + next, half_values), im, some, half_values);
        }
        next += __builtin_popcount(bits);
    }
}

/* The slopes at the values times numbers; or the values themselves, where there are no numbers. */
INLINE void settle_back(const Sparse *s, int64_t index, int half, int half_values)
{
    int64_t next = s->starts[index];
    EACH_VECTOR(s, index) {
        uint32_t bits = load_bits(s, at, lanes);
        int some = s->kept - next < LANES ? s->kept - next : LANES;
        V re = {0}, im = {0};
        if (some) { /* or the values may have no memory */
            re = load_some(past(s->values, next, half_values), some, half_values);
            im = load_some(past(s->values, s->kept + next, half_values), some, half_values);
        }
        if (s->from) {
            re = slope(re, s->real), im = slope(im, s->imaginary);
            V g = load_part(s->from, place, 0, s->plane, lanes, half);
            V h = load_part(s->from, place, s->plane, s->plane, lanes, half);
            re = only(bits, expanded(bits, re) * g), im = only(bits, expanded(bits, im) * h);
        } else
            re = expanded(bits, re), im = expanded(bits, im);
        next += __builtin_popcount(bits);
        store_part(s->to, place, 0, s->plane, re, lanes, half);
        store_part(s->to, place, s->plane, s->plane, im, lanes, half);
    }
}

/* Numbers where a bit is set, and 0 elsewhere. */
INLINE void select_some(const Sparse *s, int64_t index, int half)
{
    EACH_VECTOR(s, index) {
        uint32_t bits = load_bits(s, at, lanes);
        V re = load_part(s->from, place, 0, s->plane, lanes, half);
        V im = load_part(s->from, place, s->plane, s->plane, lanes, half);
        store_part(s->to, place, 0, s->plane, only(bits, re), lanes, half);
        store_part(s->to, place, s->plane, s->plane, only(bits, im), lanes, half);
    }
}

#define TASK(name, ...) \
    static void name(const void *context, int64_t index, V *room) { __VA_ARGS__; }
TASK(select_floats, select_some(context, index, 0))
TASK(select_halves, select_some(context, index, 1))
TASK(settle_floats, settle(context, index, 0))
TASK(settle_halves, settle(context, index, 1))
#define TASKS(name) \
    TASK(name##_floats, name(context, index, 0, 0)) \
    TASK(name##_floats_of_halves, name(context, index, 0, 1)) \
    TASK(name##_halves_of_floats, name(context, index, 1, 0)) \
    TASK(name##_halves, name(context, index, 1, 1)) \
    static Task *const name##_tasks[] = {name##_floats, name##_floats_of_halves, \
                                         name##_halves_of_floats, name##_halves};
TASKS(pack)
TASKS(settle_back)

static int64_t chunks(const Sparse *s) { return (s->count + CHUNK - 1) / CHUNK; }

/* Run, knowing the bits before each chunk. Returns -1 if as many as told are not set. */
static int run_from_starts(Task *task, const Sparse *given, int threads)
{
    Sparse s = *given;
    s.starts = malloc((chunks(&s) + 1) * sizeof *s.starts);
    if (!s.starts)
        return 1;
    s.starts[0] = 0;
    for (int64_t i = 0; i < chunks(&s); i++) {
        int64_t first = i * CHUNK, left = s.count - first;
        s.starts[i + 1] = s.starts[i] + set(&s, first, first + (left < CHUNK ? left : CHUNK));
    }
    int known = s.starts[chunks(&s)] == s.kept;
    int failed = known ? run(task, &s, chunks(&s), 1, threads) : -1;
    free(s.starts);
    return failed;
}

int passband_settle(const Sparse *s, int threads)
{
    return run(s->half ? settle_halves : settle_floats, s, chunks(s), 1, threads);
}

int passband_select(const Sparse *s, int threads)
{
    return run(s->half ? select_halves : select_floats, s, chunks(s), 1, threads);
}

int64_t passband_kept(const Sparse *s) { return set(s, 0, s->count); }

int passband_compress(const Sparse *s, int threads)
{
    return run_from_starts(pack_tasks[2 * s->half + s->half_values], s, threads);
}

int passband_settle_back(const Sparse *s, int threads)
{
    return run_from_starts(settle_back_tasks[2 * s->half + s->half_values], s, threads);
}
