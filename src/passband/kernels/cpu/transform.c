/* Maps to their kept half spectrum and back: both axes at once, LANES maps at a time.

   All that happens to LANES maps of usual size stays in the cache: rows to their cosines and sines,
   these along the columns to theirs, and sums and differences of the four products to bins. */

#include "transform.h"
#include "work.h"

typedef struct {
    const Band *band;
    const Maps *maps;
} Context;

/* The maps of a task. */
typedef struct {
    void *map, *bins;
    int lanes;
} Block;

INLINE Block block(const Maps *m, int64_t index, int half)
{
    int64_t blocks = (m->channels + LANES - 1) / LANES;
    int64_t image = index / blocks, channel = index % blocks * LANES;
    int64_t left = m->channels - channel;
    return (Block){
        (void *)past(m->maps, image * m->image + channel * m->map, half),
        (void *)past(m->spectrum, image * m->image_stride + channel, half),
        left < LANES ? left : LANES,
    };
}

/* How many rows of a map to take or give at once, if its samples follow one another. */
INLINE int rows_at_once(int across) { return across < LANES ? LANES / across : 1; }

INLINE void analyse(const void *context, int64_t index, V *room, int half)
{
    const Band *band = ((const Context *)context)->band;
    const Maps *m = ((const Context *)context)->maps;
    const Axis *rows = &band->rows, *columns = &band->columns;
    Block b = block(m, index, half);
    int down = rows->count, across = columns->count, own = columns->own, modes = columns->modes;
    int step = rows_at_once(across);
    V *samples = room, *spectra = samples + step * across; /* of rows: (modes + pairs, rows) */
    Products p = products_in(band, spectra + (size_t)(2 * modes - own) * down);
    for (int first = 0; first < down; first += step) {
        int some = down - first < step ? down - first : step;
        const void *row = past(b.map, first * across * m->sample, half);
        if (m->sample == 1)
            gather(row, m->map, b.lanes, some * across, half, samples);
        else
            for (int i = 0; i < some * across; i++)
                samples[i] = load_some(past(row, i * m->sample, half), b.lanes, half);
        for (int r = 0; r < some; r++) {
            V *to = spectra + first + r;
            fold(columns, samples + r * across, 1, p.sum, p.difference);
            transform(columns->cos, modes, p.sum, 1, columns->points, to, down);
            transform(columns->sin, modes - own, p.difference, 1, columns->odd,
                      to + modes * down, down);
        }
    }
    for (int kx = 0; kx < modes; kx++) {
        int alone = kx < own;
        down_columns(rows, spectra + kx * down, alone ? NULL : spectra + (modes + kx - own) * down,
                     &p);
        for (int ky = 0; ky < rows->modes; ky++) {
            int at = kx * rows->modes + ky;
            float weight = alone && ky < rows->own ? band->single : band->pair;
            Pair pair = bins_of(&p, ky, alone, rows->own);
            void *bin = (void *)past(b.bins, band->plus[at] * m->bin_stride, half);
            store_some(bin, weight * pair.re, b.lanes, half);
            store_some((void *)past(bin, m->part_stride, half), weight * pair.im, b.lanes, half);
            if (band->minus[at] >= 0) {
                bin = (void *)past(b.bins, band->minus[at] * m->bin_stride, half);
                store_some(bin, weight * pair.mirror_re, b.lanes, half);
                store_some((void *)past(bin, m->part_stride, half), weight * pair.mirror_im,
                           b.lanes, half);
            }
        }
    }
}

INLINE void synthesise(const void *context, int64_t index, V *room, int half)
{
    const Band *band = ((const Context *)context)->band;
    const Maps *m = ((const Context *)context)->maps;
    const Axis *rows = &band->rows, *columns = &band->columns;
    Block b = block(m, index, half);
    int down = rows->count, across = columns->count, own = columns->own, modes = columns->modes;
    int step = rows_at_once(across);
    V *samples = room, *spectra = samples + step * across;
    Products p = products_in(band, spectra + (size_t)(2 * modes - own) * down);
    for (int kx = 0; kx < modes; kx++) {
        int alone = kx < own;
        for (int ky = 0; ky < rows->modes; ky++) {
            int at = kx * rows->modes + ky;
            float weight = alone && ky < rows->own ? band->single : band->pair;
            const void *bin = past(b.bins, band->plus[at] * m->bin_stride, half);
            const void *im = past(bin, m->part_stride, half);
            Pair pair = {weight * load_some(bin, b.lanes, half),
                         weight * load_some(im, b.lanes, half), {0}, {0}};
            if (band->minus[at] >= 0) {
                bin = past(b.bins, band->minus[at] * m->bin_stride, half);
                im = past(bin, m->part_stride, half);
                pair.mirror_re = weight * load_some(bin, b.lanes, half);
                pair.mirror_im = weight * load_some(im, b.lanes, half);
            }
            products_of(pair, &p, ky);
        }
        up_columns(rows, &p, spectra + kx * down,
                   alone ? NULL : spectra + (modes + kx - own) * down);
    }
    for (int first = 0; first < down; first += step) {
        int some = down - first < step ? down - first : step;
        void *row = (void *)past(b.map, first * across * m->sample, half);
        for (int r = 0; r < some; r++) {
            const V *from = spectra + first + r;
            transform(columns->cos_back, columns->points, from, down, modes, p.sum, 1);
            transform(columns->sin_back, columns->odd, from + modes * down, down, modes - own,
                      p.difference, 1);
            unfold(columns, p.sum, p.difference, samples + r * across, 1);
        }
        if (m->sample == 1)
            scatter(samples, row, m->map, b.lanes, some * across, half);
        else
            for (int i = 0; i < some * across; i++)
                store_some((void *)past(row, i * m->sample, half), samples[i], b.lanes, half);
    }
}

static void analyse_floats(const void *c, int64_t i, V *room) { analyse(c, i, room, 0); }
static void analyse_halves(const void *c, int64_t i, V *room) { analyse(c, i, room, 1); }
static void synthesise_floats(const void *c, int64_t i, V *room) { synthesise(c, i, room, 0); }
static void synthesise_halves(const void *c, int64_t i, V *room) { synthesise(c, i, room, 1); }

static int transform_maps(Task *task, const Band *band, const Maps *maps, int threads)
{
    Context context = {band, maps};
    int64_t blocks = (maps->channels + LANES - 1) / LANES;
    size_t room = rows_at_once(band->columns.count) * band->columns.count + products_size(band) +
                  (size_t)(2 * band->columns.modes - band->columns.own) * band->rows.count;
    return run(task, &context, maps->images * blocks, room, threads);
}

int passband_analysis(const Band *band, const Maps *maps, int threads)
{
    return transform_maps(maps->half ? analyse_halves : analyse_floats, band, maps, threads);
}

int passband_adjoint(const Band *band, const Maps *maps, int threads)
{
    return transform_maps(maps->half ? synthesise_halves : synthesise_floats, band, maps, threads);
}
