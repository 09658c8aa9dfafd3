/* What the transforms take. */

#ifndef PASSBAND_TRANSFORM_H
#define PASSBAND_TRANSFORM_H

#include "band.h"

/* Maps and their spectrum in memory. Samples of a map are `sample` apart, neighbouring maps `map`,
   images of `channels` maps `image`. Of a spectrum (bins, 2, images, channels) the channels are
   next to each other. */
typedef struct {
    void *maps, *spectrum;
    int64_t images, channels, image, map, sample;
    int64_t bin_stride, part_stride, image_stride;
    int32_t half; /* whether both are bfloat16, not float */
} Maps;

int passband_analysis(const Band *band, const Maps *maps, int threads);
int passband_adjoint(const Band *band, const Maps *maps, int threads);

#endif
