/* Sums over spectra for each channel, and sums of spectra.

   A spectrum is (rows, channels): of a bin N rows of real parts, then N of imaginary ones. */

#include "work.h"

#define WIDTH 256 /* numbers that are summed beside each other, if the channels are fewer */
#define DEPTH 16  /* floats that are summed to one; those then to a double */
#define TASKS 128 /* of sums: each leaves one */
#define LEAST (1 << 13) /* numbers of a task */

typedef struct {
    void *g;       /* a spectrum */
    const void *z; /* another */
    const float *a, *b, *c; /* (channels + LANES), from the first again */
    float *sums;            /* (channels): of products */
    double *partial;        /* (tasks, channels) */
    int64_t rows, constant, single; /* rows; of the constant, and of bins that occur once, before */
    int64_t channels, width;        /* width: channels, or several rows of them */
    int32_t half;
} Spectra;

static int64_t vectors(const Spectra *s) { return (s->width + LANES - 1) / LANES; }

/* Add sums of products of rows, times a weight. */
INLINE void add(const Spectra *s, int64_t first, int64_t last, double weight, int half, double *to,
                V *room)
{
    int64_t size = vectors(s) * LANES, at = first * s->channels, end = last * s->channels;
    float *sum = (float *)room;
    double *wide = (double *)(room + vectors(s));
    const void *other = s->g ? s->g : s->z;
    memset(wide, 0, size * sizeof *wide);
    while (at < end) {
        memset(sum, 0, size * sizeof *sum);
        for (int row = 0; row < DEPTH && at < end; row++, at += s->width) {
            int64_t some = end - at < s->width ? end - at : s->width;
            for (int64_t i = 0; i < some; i += LANES) {
                int lanes = some - i < LANES ? some - i : LANES;
                V x = load_some(past(s->z, at + i, half), lanes, half);
                x *= load_some(past(other, at + i, half), lanes, half);
                store(sum + i, load(sum + i) + x);
            }
        }
        for (int64_t i = 0; i < size; i++)
            wide[i] += sum[i];
    }
    for (int64_t i = 0; i < s->width; i += s->channels)
        for (int64_t c = 0; c < s->channels; c++)
            to[c] += weight * wide[i + c];
}

static int64_t rows_of_task(const Spectra *s)
{
    int64_t even = (s->rows + TASKS - 1) / TASKS, least = LEAST / s->channels + 1;
    return even > least ? even : least;
}

static int64_t tasks(const Spectra *s)
{
    return (s->rows + rows_of_task(s) - 1) / rows_of_task(s);
}

INLINE int64_t within(int64_t row, int64_t first, int64_t last)
{
    return row < first ? first : row < last ? row : last;
}

INLINE void sum(const Spectra *s, int64_t index, int half, V *room)
{
    int64_t first = index * rows_of_task(s), last = within(first + rows_of_task(s), 0, s->rows);
    int64_t single = within(s->single, first, last);
    double *to = s->partial + index * s->channels;
    if (first < single)
        add(s, first, single, 1, half, to, room);
    if (single < last)
        add(s, single, last, 2, half, to, room);
}

/* g = a g + b z, plus c, for some numbers of which all occur as often. */
INLINE void combine_some(const Spectra *s, int64_t first, int64_t last, int constant, float times,
                         int half)
{
    int64_t channel = first % s->channels, step = LANES % s->channels;
    for (int64_t at = first; at < last; at += LANES) {
        int lanes = last - at < LANES ? last - at : LANES;
        void *to = (void *)past(s->g, at, half);
        V g = load_some(to, lanes, half), z = load_some(past(s->z, at, half), lanes, half);
        g = load(s->a + channel) * g + load(s->b + channel) * (times * z);
        if (constant)
            g += load(s->c + channel);
        store_some(to, g, lanes, half);
        channel += step;
        channel -= channel < s->channels ? 0 : s->channels;
    }
}

INLINE void combine(const Spectra *s, int64_t index, int half)
{
    int64_t first = index * LEAST, last = within(first + LEAST, 0, s->rows * s->channels);
    int64_t constant = within(s->constant * s->channels, first, last);
    int64_t single = within(s->single * s->channels, first, last);
    combine_some(s, first, constant, 1, 1, half);
    combine_some(s, constant, single, 0, 1, half);
    combine_some(s, single, last, 0, 2, half);
}

#define TASK(name, ...) \
    static void name(const void *context, int64_t index, V *room) { __VA_ARGS__; }
TASK(sum_floats, sum(context, index, 0, room))
TASK(sum_halves, sum(context, index, 1, room))
TASK(combine_floats, combine(context, index, 0))
TASK(combine_halves, combine(context, index, 1))

/* Sums of squares of z; or of products with g, if that is given. */
int passband_sums(const Spectra *given, int threads)
{
    Spectra s = *given;
    int64_t together = WIDTH / s.channels;
    s.width = s.channels * (together ? together : 1);
    s.partial = calloc(tasks(&s) * s.channels, sizeof *s.partial);
    /* Of each part of the width a float and a double. */
    if (!s.partial || run(s.half ? sum_halves : sum_floats, &s, tasks(&s), 3 * vectors(&s), threads))
        return free(s.partial), 1;
    for (int64_t i = 0; i < s.channels; i++) {
        double sum = 0;
        for (int64_t task = 0; task < tasks(&s); task++)
            sum += s.partial[task * s.channels + i];
        s.sums[i] = sum;
    }
    free(s.partial);
    return 0;
}

int passband_combine(const Spectra *s, int threads)
{
    int64_t pieces = (s->rows * s->channels + LEAST - 1) / LEAST;
    return run(s->half ? combine_halves : combine_floats, s, pieces, 1, threads);
}
