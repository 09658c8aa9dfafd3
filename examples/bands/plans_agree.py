"""
All ways to compute a layer give the same numbers
=================================================

A layer is computed by an FFT, by matrices, by a convolution of the low-passed map, or
by compiled kernels. The plan picks the fastest. The bars show how far each is from the
same layer in float64, and how far `nn.Conv2d` is from its own.
"""

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F

import passband as pb

maps, weight = torch.randn(8, 64, 16, 16), torch.randn(64, 64, 3, 3)
epsilon = torch.finfo(torch.float32).eps


def error(found, exact):
    """Root mean square error over root mean square value, in epsilons of float32."""
    return ((found.double() - exact).norm() / exact.norm() / epsilon).item()


exact = F.conv2d(maps.double(), weight.double(), padding=1)
errors = {"nn.Conv2d": error(F.conv2d(maps, weight, padding=1), exact)}
band = pb.Band(keep=0.25)
exact = pb.functional.band_conv2d(maps.double(), weight.double(), padding=1, band=band)
for plan in ("fft", "dft", "spatial", "fused"):
    try:
        found = pb.functional.band_conv2d(maps, weight, padding=1, band=band, plan=plan)
    except RuntimeError:  # no compiled kernels on this machine
        continue
    errors[f'plan="{plan}"'] = error(found, exact)

colors = ["0.6"] + ["C0"] * len(errors)
bars = plt.barh(list(errors), list(errors.values()), color=colors)
plt.bar_label(bars, fmt="%.1f", padding=4)
plt.gca().invert_yaxis()
plt.gca().margins(x=0.15)
plt.xlabel("relative error in float32 epsilons (1.2e-7)")
plt.title("One layer, 64 channels, 16 x 16, keep 0.25")
plt.show()

# %%
# All differ by a few roundings, as `nn.Conv2d` itself does. So the plan is a matter of
# speed alone.
