/* A whole convolution in one call: maps to spectra, times filters, back to maps. */

#include "product.h"
#include "transform.h"

/* What is the same in all calls; the addresses of maps and spectra are not. */
typedef struct {
    const Band *source, *filter, *target;
    Maps maps, results;
    Product product;
    const float *mean; /* what the target's first bin is moved by, or NULL */
} Convolution;

static void add_mean(const Product *p, const float *mean)
{
    int half = p->half;
    for (int64_t row = 0; row < p->rows; row++)
        for (int64_t lane = 0; lane < p->lanes; lane += LANES) {
            int some = at_most(LANES, p->lanes - lane);
            void *at = (void *)past(p->target, row * p->lanes + lane, half);
            V sum = load_some(at, some, half) + load_some(mean + lane, some, 0);
            store_some(at, sum, some, half);
        }
}

/* `source` and `target` are room for the two spectra. */
int passband_convolve(const Convolution *of, void *maps, void *source, void *target, void *results,
                      int threads)
{
    Maps in = of->maps, out = of->results;
    Product product = of->product;
    in.maps = maps, out.maps = results;
    in.spectrum = source, out.spectrum = target;
    product.source = source, product.target = target;
    if (passband_analysis(of->source, &in, threads) ||
        passband_multiply(of->filter, &product, threads))
        return 1;
    if (of->mean)
        add_mean(&product, of->mean);
    return passband_adjoint(of->target, &out, threads);
}
