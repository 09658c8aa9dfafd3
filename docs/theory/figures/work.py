"""Multiplications of one image's convolution forward, by each way: transforms, filters, product."""

import math

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import passband as pb

KEEP, TAPS = 0.25, 9
LAYERS = ((64, 32), (128, 16), (256, 8))


def draw() -> Figure:
    """Stacked bars, in millions."""
    figure, panels = plt.subplots(3, 1, figsize=(5, 4.4), sharex=True)
    for axes, (channels, size) in zip(panels, LAYERS, strict=True):
        ways = _ways(channels, size)
        at, left = np.arange(len(ways)), np.zeros(len(ways))
        for part, parts in enumerate(zip(*ways.values(), strict=True)):
            label = ("transforms of maps", "filters", "product or convolution")[part]
            axes.barh(at, np.array(parts) / 1e6, left=left, height=0.7, label=label)
            left += np.array(parts) / 1e6
        axes.set_yticks(at, ways)
        axes.invert_yaxis()
        axes.set_title(f"{channels} channels, {size}x{size}", loc="left")
    panels[-1].set_xlabel("million multiplications for an image")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8.5
    )
    return figure


def _ways(channels: int, size: int) -> dict[str, tuple[float, float, float]]:
    length = size + 1
    (modes, _) = pb.Band(keep=KEEP).resolve((length, length))
    bins = ((2 * modes - 1) ** 2 + 1) // 2
    maps, filters = 2 * channels, channels**2 / 32  # those of 32 images share the filters' spectra
    separable = size * size * 2 * modes + size * 2 * modes * (2 * modes - 1)
    fast = 1.25 * length**2 * math.log2(length**2)
    conv = channels**2 * TAPS * size**2
    return {
        "nn.Conv2d": (0, 0, conv),
        "spatial": (maps * separable, 0, conv),
        "fft": (maps * fast, filters * TAPS * 2 * bins, channels**2 * bins * 4),
        "dft": (maps * separable, filters * TAPS * 2 * bins, channels**2 * bins * 4),
        "fused": (maps * separable / 2, filters * TAPS * 2 * bins, channels**2 * bins * 3),
    }
