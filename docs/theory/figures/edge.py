"""What a band leaves of an edge and of a fine texture."""

import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import passband as pb

KEEPS = (1.0, 0.5, 0.25, 0.1)


def draw() -> Figure:
    """The map above, one row of it below, for each keep."""
    size = 48
    down, across = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    image = (across >= size // 2).float() * 0.7
    texture = 0.3 * torch.cos(2 * torch.pi * 0.42 * across) * (down >= size // 2)
    x = (image + texture)[None, None]
    point = torch.ones(1, 1, 1, 1)  # a filter that changes nothing: the band alone is seen
    figure, panels = plt.subplots(2, 4, figsize=(5.4, 3.1), height_ratios=(3, 2), sharey="row")
    for (above, below), keep in zip(panels.T, KEEPS, strict=True):
        y = pb.functional.band_conv2d(x, point, band=pb.Band(keep=keep))[0, 0]
        above.imshow(y, cmap="gray", vmin=-0.4, vmax=1.1)
        above.set(title=f"keep {keep:g}", xticks=[], yticks=[])
        above.spines[:].set_visible(False)
        below.plot(y[size // 4], lw=1.2, label="edge")
        below.plot(y[-size // 4] - 1.3, lw=1.2, label="and texture")
        below.set(xticks=[], yticks=[], xlim=(0, size))
        below.spines[:].set_visible(False)
    return figure
