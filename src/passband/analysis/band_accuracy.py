"""How accurate a model is on maps of which it sees some frequencies only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from passband.analysis.drawing import axes_or_new
from passband.analysis.labeled import Batch, labeled, wrong
from passband.convert.layers import check_model
from passband.convert.observe import evaluating
from passband.functional.frequency_mask import (
    MaskEdge,
    MaskShape,
    check_mask,
    frequency_mask,
    mask_frequencies,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class BandAccuracy:
    """Accuracy by the band of the input.

    Attributes:
        keeps: as asked for.
        measured: share of the bins that was kept: the mean of each mask, so that a soft edge counts
            by its factors, over all samples.
        accuracies: share that is right, in [0, 1].
        high: whether high frequencies were kept, not low ones.
    """

    keeps: tuple[float, ...]
    measured: tuple[float, ...]
    accuracies: tuple[float, ...]
    high: bool = False

    def draw(self, axes: Axes | None = None) -> Axes:
        """Accuracy against measured keep, both in percent.

        Args:
            axes: of matplotlib; by default those of a new figure.

        Raises:
            ImportError: matplotlib is not installed.
        """
        axes = axes_or_new(axes)
        points = sorted(zip(self.measured, self.accuracies, strict=True))
        axes.plot(*zip(*((100 * m, 100 * a) for m, a in points), strict=True), "o-")
        axes.set_xlabel(f"{'high' if self.high else 'low'} frequencies of the input (%)")
        axes.set_ylabel("accuracy (%)")
        axes.set_title("Accuracy by the band of the input")
        return axes


def band_accuracy(
    model: nn.Module,
    batches: Iterable[Batch],
    keeps: Sequence[float],
    shape: MaskShape = "disk",
    *,
    high: bool = False,
    edge: MaskEdge = "hard",
    width: float | None = None,
) -> BandAccuracy:
    """The accuracy of a classifier on maps that are masked by `passband.functional`'s masks.

    The model itself stays as it is, converted or not; it runs in eval mode without gradients, and
    has the mode that it had afterwards. Batches are gone through once.

    Args:
        model: of maps `(N, C, *space)`, yields `(N, classes)`.
        batches: pairs of maps and class indices `(N,)`, on the model's device.
        keeps: shares of the bins that pass, each in (0, 1]; 1 leaves maps as they are, bit by bit.
        shape: `"disk"` or `"square"`; see `passband.functional.frequency_mask`.
        high: keep the high frequencies instead of the low ones.
        edge: `"hard"`, `"linear"` or `"exponential"`.
        width: of a soft edge, in units of the Nyquist frequency.

    Returns:
        Accuracies in the order of `keeps`.

    Raises:
        TypeError: no module, or an argument or a batch of a wrong type.
        ValueError: no keeps, one out of its range, an unknown choice, or no samples.
        RuntimeError: shapes of maps, labels or outputs that do not belong together.

    Source:
        Wang et al., "High-Frequency Component Helps Explain the Generalization of Convolutional
        Neural Networks", CVPR 2020, for what a model does with either part.

    Examples:
        >>> maps = torch.tensor([[[2.0, 0.0]], [[-2.0, 0.0]]])  # labels are in the mean, and not
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
        >>> with torch.no_grad():
        ...     _ = model[1].weight.copy_(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))
        >>> batches = [(maps, torch.tensor([0, 1]))]
        >>> band_accuracy(model, batches, [1, 0.5]).accuracies
        (1.0, 1.0)
        >>> band_accuracy(model, batches, [0.5], high=True).accuracies  # nothing but Nyquist
        (0.5,)
    """
    name = "band_accuracy"
    check_model(name, model)
    if not isinstance(keeps, Sequence) or isinstance(keeps, str):
        raise TypeError(f"{name}: keeps is a sequence of shares; got {keeps!r}")
    for keep in keeps:
        check_mask(name, keep, shape, high, edge, width)
    if not keeps:
        raise ValueError(f"{name}: there is at least one keep; got {keeps!r}")
    errors: list[Tensor | int] = [0] * len(keeps)
    passed = [0.0] * len(keeps)
    samples = 0
    with evaluating(model):
        for maps, labels in labeled(name, batches):
            samples += len(labels)
            for at, keep in enumerate(keeps):
                factors = frequency_mask(
                    maps.shape[2:], keep, shape, high=high, edge=edge, width=width,
                    dtype=torch.float64,
                )  # fmt: skip
                passed[at] += len(labels) * factors.mean().item()
                seen = mask_frequencies(maps, keep, shape, high=high, edge=edge, width=width)
                errors[at] += wrong(name, model, seen, labels).sum()
    return BandAccuracy(
        tuple(float(keep) for keep in keeps),
        tuple(total / samples for total in passed),
        tuple((samples - int(count)) / samples for count in errors),
        high,
    )
