"""The slope of a loss along each frequency of the input: measured, ours, and without the cut."""

import torch
import torch.nn.functional as F
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import passband as pb

LENGTH, MODES = 32, 7


def draw() -> Figure:
    """Slopes against frequency."""
    torch.manual_seed(0)
    x, w = torch.randn(1, 1, LENGTH).double(), torch.randn(1, 1, 5).double()
    target = torch.randn(1, 1, LENGTH).double()
    conv = pb.nn.BandConv1d(
        1, 1, 5, padding=2, padding_mode="circular", bias=False, band=pb.Band(modes=MODES)
    ).double()
    conv.weight.data.copy_(w)

    def loss(at: torch.Tensor) -> torch.Tensor:
        error: torch.Tensor = conv(at) - target
        return error.square().sum() / 2

    (ours,) = torch.autograd.grad(loss(x.requires_grad_()), x)
    error = F.pad((conv(x) - target).detach(), (2, 2), mode="circular")
    uncut = F.conv1d(error, w.flip(-1))
    places = torch.arange(LENGTH).double()
    waves = [torch.cos(2 * torch.pi * k * places / LENGTH) for k in range(LENGTH // 2 + 1)]
    measured = [(loss(x + 1e-4 * v) - loss(x - 1e-4 * v)).item() / 2e-4 for v in waves]
    figure, axes = plt.subplots(figsize=(5, 2.9))
    axes.axvspan(MODES - 0.5, LENGTH / 2 + 0.5, color="C0", alpha=0.12, lw=0)
    axes.text(MODES, 0.98, "cut", va="top", transform=axes.get_xaxis_transform())
    along = [[(g * v).sum().item() for v in waves] for g in (ours, uncut)]
    axes.plot(along[1], "x", color="C1", ms=7, label="gradient of the whole convolution")
    axes.plot(along[0], "o", color="C0", ms=4, label="gradient by passband")
    axes.plot(measured, "o", mfc="none", color="C2", ms=9, label="finite differences")
    axes.axhline(0, color=plt.rcParams["grid.color"], lw=0.8, zorder=0)
    axes.set(xlabel="frequency of the wave that is added to the input", ylabel="slope of the loss")
    axes.set_xlim(-0.5, LENGTH / 2 + 0.5)
    figure.legend(loc="outside upper left", fontsize=9, ncols=1)
    return figure
