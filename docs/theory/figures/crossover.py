"""Estimated time of a training step of a layer over nn.Conv2d's, from the library's cost model."""

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import passband as pb
from passband.functional.cost import Shape, Way, convolution_work, prices, seconds, transform_work
from passband.functional.geometry import Geometry, convolution_geometry
from passband.transforms.fourier import Transform

BATCH = 32
Layer = tuple[int, int, float]  # channels, size of maps, keep
BY: dict[Way, Transform] = {"spatial": "dft", "fft": "fft", "dft": "dft", "fused": "fused"}


def draw() -> Figure:
    """Against map size, keep and channels, all else being 64 channels, 32x32, keep 0.25."""
    figure, panels = plt.subplots(3, 1, figsize=(5, 6.2))
    sizes = (4, 6, 8, 12, 16, 24, 32, 48, 64)
    keeps = (0.05, 0.1, 0.17, 0.25, 0.35, 0.5, 0.7, 0.85)
    channels = (16, 32, 64, 128, 256, 512)
    layers: dict[str, list[tuple[float, Layer]]] = {
        "samples of a side": [(size, (64, size, 0.25)) for size in sizes],
        "keep": [(keep, (64, 32, keep)) for keep in keeps],
        "channels": [(count, (count, 32, 0.25)) for count in channels],
    }
    for axes, (over, at) in zip(panels, layers.items(), strict=True):
        for way in BY:
            ratios = [_time(way, *layer) / _time(None, *layer) for _, layer in at]
            axes.plot([x for x, _ in at], ratios, "o-", ms=3, lw=1.5, label=way)
        axes.axhline(1, color=plt.rcParams["text.color"], lw=1, ls=":")
        axes.set(xlabel=over, yscale="log", ylabel="time over nn.Conv2d's")
        axes.set_yticks([0.1, 0.2, 0.5, 1, 2, 5], ["0.1", "0.2", "0.5", "1", "2", "5"])
        axes.minorticks_off()
        if over != "keep":
            axes.set_xscale("log", base=2)
            ticks = [int(x) for x, _ in at if int(x) & (int(x) - 1) == 0]
            axes.set_xticks(ticks, [str(x) for x in ticks])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def _time(way: Way | None, channels: int, size: int, keep: float) -> float:
    shape = Shape(BATCH, channels, channels, 4)
    if way is not None:
        work = convolution_work(_geometry(keep, size), way, (BY[way], "dft"), shape, "training")
    else:  # what is left of the way in space where nothing is low-passed
        whole = _geometry(1.0, size)
        work = convolution_work(whole, "spatial", ("dft", "dft"), shape, "training")
        for axes, times in ((whole.source, 2), (whole.reach_axes, 3)):
            for unit, amount in transform_work(axes, "dft", BATCH * channels, 4).items():
                work[unit] -= times * amount
        work["step"] = 0
    return seconds(work, prices("cpu", "float32"))


def _geometry(keep: float, size: int) -> Geometry:
    ones = (1, 1)
    band = pb.Band(keep=keep)
    return convolution_geometry(band, (size, size), (3, 3), ones, (ones, ones), ones, 1)
