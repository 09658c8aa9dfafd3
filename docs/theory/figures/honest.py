"""Two gradients of another kind: of a function with steps, and one that is right on average."""

import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

import passband as pb

DRAWS = 64


def draw() -> Figure:
    """A threshold's loss along a line, and the error of averaged gradients."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(5.4, 2.7))
    _steps(left)
    _noise(right)
    return figure


def _steps(axes: Axes) -> None:
    torch.manual_seed(1)
    x, direction = torch.randn(1, 1, 8, 8).double(), torch.randn(1, 1, 8, 8).double()
    target = torch.randn(1, 1, 8, 8).double()
    through = nn.Sequential(pb.nn.ToSpectrum(), pb.nn.Threshold(1.0), pb.nn.ToSpace())

    def loss(t: torch.Tensor) -> torch.Tensor:
        shown: torch.Tensor = through(x + t * direction)
        return (shown - target).square().mean()

    at = torch.linspace(-0.25, 0.25, 600).double()
    values = torch.stack([loss(t) for t in at]).detach()
    jumps = values.diff().abs() > 0.01
    shown = values.clone()
    shown[1:][jumps] = torch.nan
    axes.plot(at, shown, color="C0", lw=1.5)
    for start in (-0.2, 0.0, 0.2):
        t = torch.tensor(start).double().requires_grad_()
        value = loss(t)
        (slope,) = torch.autograd.grad(value, t)
        ends = torch.tensor([-0.05, 0.05]).double()
        axes.plot(start + ends, value.item() + slope.item() * ends, color="C1", lw=2)
        axes.plot(start, value.item(), "o", color="C1", ms=4)
    axes.set(title="a threshold", xlabel="step along a line", ylabel="loss", yticks=[])


def _noise(axes: Axes) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
    x = torch.randn(4, 3, 16, 16)

    def gradient() -> torch.Tensor:
        model.zero_grad()
        model(x).square().mean().backward()
        grad = model[2].weight.grad
        assert isinstance(grad, torch.Tensor)
        return grad.clone()

    true = gradient()
    pb.convert_(model, None, memory=pb.MemoryPolicy.unchanged_forward())
    mean = torch.stack([gradient() for _ in range(DRAWS)]).cumsum(0)
    counts = torch.arange(1, DRAWS + 1)
    errors = [
        ((m / n - true).norm() / true.norm()).item() for m, n in zip(mean, counts, strict=True)
    ]
    axes.loglog(counts, errors, color="C0", lw=1.5)
    axes.loglog(counts, errors[0] / counts.sqrt(), "--", color="C1", lw=1)
    axes.set(title="unchanged forward", xlabel="gradients averaged", ylabel="relative error")
