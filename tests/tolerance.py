"""How far a band convolution may be from float64: the table of docs/reference/numerics.md.

In units of the dtype's epsilon, for one layer on normal maps: the largest error relative to the
largest number of the result. Of gradients of the weight, which are sums over the batch and the
map, it is that times the square root of log2 of the numbers that are added.
"""

from __future__ import annotations

import torch

# Four to five times what `python benchmarks/accuracy.py` finds on maps of 8 to 512 samples.
EPSILONS = {
    (torch.float32, "nn.Conv"): 24.0,
    (torch.float32, "fft"): 10.0,
    (torch.float32, "dft"): 16.0,
    (torch.float32, "spatial"): 24.0,
    (torch.float32, "fused"): 16.0,
    (torch.bfloat16, "nn.Conv"): 2.0,
    (torch.bfloat16, "fft"): 2.0,
    (torch.bfloat16, "dft"): 5.0,
    (torch.bfloat16, "spatial"): 4.0,
    (torch.bfloat16, "fused"): 4.0,
    (torch.float16, "nn.Conv"): 2.0,
    (torch.float16, "fft"): 2.0,
    (torch.float16, "dft"): 2.0,
    (torch.float16, "spatial"): 2.0,
    (torch.float16, "fused"): 2.0,
}


def tolerance(dtype: torch.dtype, way: str) -> float:
    """Of the largest error, relative to the largest number of the result."""
    return EPSILONS[dtype, way] * torch.finfo(dtype).eps
