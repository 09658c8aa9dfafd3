"""
Spectral pooling beside maximum and mean
========================================

The test pattern has rings that become finer from the middle outwards. It is pooled from
240 to 60 samples a side, which are too few for the outer rings. What becomes of those
is seen at the edges.
"""

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F

import passband as pb

place = torch.linspace(-1, 1, 240)
rings = torch.cos(80 * (place[:, None] ** 2 + place**2))[None, None]  # (1, 1, 240, 240)
pooled = {
    "the pattern": rings,
    "maximum of 4 x 4": F.max_pool2d(rings, 4),
    "mean of 4 x 4": F.avg_pool2d(rings, 4),
    "spectral pooling": pb.functional.spectral_pool2d(rings, 60),
}

figure, axes = plt.subplots(2, 2, figsize=(5.6, 6))
for axis, (name, maps) in zip(axes.flat, pooled.items(), strict=True):
    axis.imshow(maps[0, 0].numpy(), cmap="gray", vmin=-1, vmax=1)
    axis.set_title(name)
    axis.axis("off")
plt.show()

# %%
# The maximum turns fine rings into plain white. The mean shows coarse rings at the
# edges, where the pattern has none: high frequencies became low ones. Spectral pooling
# leaves out what the small map cannot hold, and goes to any size.
