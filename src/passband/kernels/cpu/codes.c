/* Numbers in a few bits each, between the least and the greatest of their group.

   A code is floor((x - least) / step + noise) and stands for least + (code + 1/2 - noise) step: with
   noise from 0 to 1 that errs by half a step at most, and by noise, whatever the numbers are. */

#include <float.h>

#include "work.h"

#define GROUP 64 /* numbers that share least and step */
#define CHUNK 512 /* groups of a task */

/* Numbers, and codes: `bits` of each, those a fraction of the group apart beside one another in a
   byte; of 3 bits the lower 2 of the group first, then the third. */
typedef struct {
    const void *from, *base; /* numbers, less those of the base; NULL is a base of zeros */
    void *to;
    uint8_t *codes;   /* (groups, GROUP * bits / 8) */
    uint16_t *scales; /* (groups, 2): least and step, bfloat16 */
    const float *noise; /* (period + GROUP), the last GROUP being the first once more */
    int64_t count, period, first; /* numbers; of noise, and where in it the first group begins */
    int32_t bits, half;
} Codes;

/* To bfloat16, the next number that is not less, or not more. */
INLINE uint16_t truncated(float x, int up)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t near = bits & 0xffff0000; /* towards 0 */
    float there;
    memcpy(&there, &near, sizeof there);
    return (near >> 16) + (up ? there < x : there > x);
}

INLINE float wide(uint16_t half) { return widened((Halves){0} + half)[0]; }

INLINE void put_together(const uint8_t *code, int shift, int bits, uint8_t *to)
{
    int bytes = GROUP * bits / 8;
    for (int i = 0; i < bytes; i++)
        to[i] = 0;
    for (int slot = 0; slot < 8 / bits; slot++)
        for (int i = 0; i < bytes; i++)
            to[i] |= (code[slot * bytes + i] >> shift & ((1 << bits) - 1)) << slot * bits;
}

INLINE void take_apart(const uint8_t *from, int shift, int bits, uint8_t *code)
{
    int bytes = GROUP * bits / 8;
    for (int slot = 0; slot < 8 / bits; slot++)
        for (int i = 0; i < bytes; i++)
            code[slot * bytes + i] |= (from[i] >> slot * bits & ((1 << bits) - 1)) << shift;
}

INLINE void group_to(const Codes *c, int64_t group, int bits, int half)
{
    const int most = (1 << bits) - 1;
    const float *noise = c->noise + (c->first + group * GROUP) % c->period;
    int64_t at = group * GROUP;
    V x[GROUP / LANES], low, high;
    for (int i = 0; i < GROUP / LANES; i++, at += LANES) {
        int lanes = c->count - at < LANES ? c->count - at : LANES;
        x[i] = lanes > 0 ? load_some(past(c->from, at, half), lanes, half) : (V){0};
        if (c->base && lanes > 0)
            x[i] -= load_some(past(c->base, at, half), lanes, half);
    }
    low = high = x[0];
    Bits unknown = {0}; /* what is no number spoils its group, as it would its neighbours */
    for (int i = 0; i < GROUP / LANES; i++) {
        unknown |= (Bits)(x[i] != x[i]);
        Bits under = (Bits)(x[i] < low), over = (Bits)(x[i] > high);
        low = (V)((under & (Bits)x[i]) | (~under & (Bits)low));
        high = (V)((over & (Bits)x[i]) | (~over & (Bits)high));
    }
    float least = low[0], greatest = high[0];
    for (int i = 1; i < LANES; i++) {
        least = low[i] < least ? low[i] : least;
        greatest = high[i] > greatest ? high[i] : greatest;
    }
    for (int i = 0; i < LANES; i++)
        if (unknown[i])
            least = __builtin_nanf("");
    uint16_t *scales = c->scales + 2 * group;
    /* So none lies beyond the codes. */
    scales[0] = truncated(least, 0);
    float from = wide(scales[0]);
    scales[1] = truncated((greatest - from) / most, 1);
    float step = wide(scales[1]), times = step >= FLT_MIN ? 1 / step : 0;
    uint8_t code[GROUP];
    for (int i = 0; i < GROUP / LANES; i++) {
        float scaled[LANES];
        store(scaled, (x[i] - from) * times + load(noise + i * LANES));
        for (int l = 0; l < LANES; l++) {
            float s = scaled[l] > 0 ? scaled[l] : 0; /* what is no number, too */
            code[i * LANES + l] = (int32_t)(s < most ? s : most);
        }
    }
    uint8_t *to = c->codes + group * (GROUP * bits / 8);
    if (bits == 3) {
        put_together(code, 0, 2, to);
        put_together(code, 2, 1, to + GROUP / 4);
    } else
        put_together(code, 0, bits, to);
}

INLINE void group_from(const Codes *c, int64_t group, int bits, int half)
{
    const float *noise = c->noise + (c->first + group * GROUP) % c->period;
    const uint8_t *from = c->codes + group * (GROUP * bits / 8);
    float least = wide(c->scales[2 * group]), step = wide(c->scales[2 * group + 1]);
    int64_t at = group * GROUP;
    uint8_t code[GROUP] = {0};
    if (bits == 3) {
        take_apart(from, 0, 2, code);
        take_apart(from + GROUP / 4, 2, 1, code);
    } else
        take_apart(from, 0, bits, code);
    for (int i = 0; i < GROUP / LANES && at < c->count; i++, at += LANES) {
        int lanes = c->count - at < LANES ? c->count - at : LANES;
        float number[LANES];
        for (int l = 0; l < LANES; l++)
            number[l] = code[i * LANES + l];
        V x = (load(number) - load(noise + i * LANES) + .5f) * step + least;
        if (c->base)
            x += load_some(past(c->base, at, half), lanes, half);
        store_some((void *)past(c->to, at, half), x, lanes, half);
    }
}

#define TASK(name, each, bits, half) \
    static void name(const void *context, int64_t index, V *room) \
    { \
        const Codes *c = context; \
        int64_t groups = (c->count + GROUP - 1) / GROUP, last = (index + 1) * CHUNK; \
        for (int64_t g = index * CHUNK; g < last && g < groups; g++) \
            each(c, g, bits, half); \
    }
#define TASKS(bits) \
    TASK(to_##bits, group_to, bits, 0) \
    TASK(to_##bits##_of_halves, group_to, bits, 1) \
    TASK(from_##bits, group_from, bits, 0) \
    TASK(from_##bits##_to_halves, group_from, bits, 1)
TASKS(2)
TASKS(3)
TASKS(4)
TASKS(8)

static int each_chunk(const Codes *c, Task *two, Task *three, Task *four, Task *eight, int threads)
{
    Task *task = c->bits == 2 ? two : c->bits == 3 ? three : c->bits == 4 ? four : eight;
    int64_t groups = (c->count + GROUP - 1) / GROUP;
    return run(task, c, (groups + CHUNK - 1) / CHUNK, 1, threads);
}

int passband_quantise(const Codes *c, int threads)
{
    if (c->half)
        return each_chunk(c, to_2_of_halves, to_3_of_halves, to_4_of_halves, to_8_of_halves,
                          threads);
    return each_chunk(c, to_2, to_3, to_4, to_8, threads);
}

int passband_dequantise(const Codes *c, int threads)
{
    if (c->half)
        return each_chunk(c, from_2_to_halves, from_3_to_halves, from_4_to_halves,
                          from_8_to_halves, threads);
    return each_chunk(c, from_2, from_3, from_4, from_8, threads);
}
