"""The truncated transform as GPU kernels (Triton) that read a map once and write it once.

`analysis` and `adjoint` compute what those of `transforms.fourier.dft` do, for one or two axes:
transform along both axes, truncation, bins from cosines and sines, and their order, in one kernel.
Triton is optional, and imported by the first call, not by `import passband`.

The product of spectra stays `torch.bmm`. It sums over all input channels for each of all output
channels: a kernel that transforms and multiplies would read the map again for each block of output
channels, or hold the spectra of all channels at once. `traffic` counts what is moved beside the
least that any convolution moves, the map read and the map written; in megabytes, for the 3x3 layers
of ResNet-50 at 224 pixels, batch 128, bfloat16, forward, by how the source's spectrum lies in
memory (`Layout`):

    channels  map    keep  modes   least   plain  turned  beside
    64        56x56  0.5   21x21     103     351     296     268
    64        56x56  0.25  15x15     103     227     199     186
    128       28x28  0.5   11x11      51     196     167     167
    128       28x28  0.25  8x8        51     125     111     111
    256       14x14  0.5   6x6        26     122     106     122
    256       14x14  0.25  4x4        26      65      58      65
    512       7x7    0.5   3x3        13      67      61      81
    512       7x7    0.25  2x2        13      34      31      39

So a layer that is not bound by its arithmetic cannot gain in this way: on an H200 both transforms
together take about as long as cuDNN's whole convolution (benchmarks/NOTES.md). They are the fastest
way to a band-limited convolution there, but not faster than one without a band.
"""

from passband.kernels.gpu.choice import available as available
from passband.kernels.gpu.choice import fits as fits
from passband.kernels.gpu.choice import supports as supports
from passband.kernels.gpu.fourier import Layout as Layout
from passband.kernels.gpu.fourier import adjoint as adjoint
from passband.kernels.gpu.fourier import analysis as analysis
