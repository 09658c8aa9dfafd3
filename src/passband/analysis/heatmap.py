"""Which frequencies of noise a model errs on: the Fourier heat map."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from passband.analysis.drawing import axes_or_new
from passband.analysis.labeled import Batch, labeled, wrong
from passband.convert.layers import check_model
from passband.convert.observe import evaluating
from passband.functional.arguments import check_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class FourierHeatmap:
    """Error rates by the frequency of a perturbation.

    Attributes:
        error: `(*space)`, float64 on the CPU, in [0, 1]. The mean is in the middle, at n // 2 of
            each axis, as `torch.fft.fftshift` has it.
        clean_error: error rate without a perturbation.
        norm: l2 norm of the perturbation of each channel, in the units of the maps.
    """

    error: Tensor
    clean_error: float
    norm: float

    def draw(self, axes: Axes | None = None) -> Axes:
        """The heat map of images; of maps with one axis a curve. In percent.

        Args:
            axes: of matplotlib; by default those of a new figure.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: the maps have three axes or more.
        """
        if self.error.dim() > 2:
            raise ValueError(
                f"draw: a heat map has one axis or two; got one of {tuple(self.error.shape)}: draw "
                "FourierHeatmap(error[i], clean_error, norm)"
            )
        axes = axes_or_new(axes)
        percent = (100 * self.error).numpy()
        low, high = zip(*((-(n // 2), (n - 1) // 2) for n in self.error.shape), strict=True)
        axes.set_title(f"Fourier heat map, norm {self.norm:g}")
        if self.error.dim() == 1:
            # The other half is the same.
            axes.plot(range(-low[0] + 1), percent[: -low[0] + 1][::-1], "o-", label="perturbed")
            axes.axhline(100 * self.clean_error, linestyle="--", label="clean")
            axes.set_xlabel("cycles per map")
            axes.set_ylabel("error rate (%)")
            axes.legend()
            return axes
        image = axes.imshow(
            percent,
            extent=(low[1] - 0.5, high[1] + 0.5, high[0] + 0.5, low[0] - 0.5),
            interpolation="nearest",
        )
        axes.set_xlabel("cycles across")
        axes.set_ylabel("cycles down")
        axes.figure.colorbar(image, ax=axes, label=f"error rate (%), clean {self.clean_error:.1%}")
        return axes


def fourier_heatmap(
    model: nn.Module,
    batches: Iterable[Batch],
    norm: float,
    *,
    batch_size: int = 256,
    seed: int = 0,
) -> FourierHeatmap:
    r"""The error rate of a classifier under a perturbation of each single frequency.

    For each frequency k of the grid, maps x become

    .. math:: x + s \, v \, U_k, \quad
        U_k(p) = \cos\Big(2 \pi \sum_i \frac{k_i p_i}{n_i}\Big) \Big/ \lVert\cos\rVert_2

    with the norm v and a random sign s of each map, channel and frequency. Values are not clamped.
    The waves of k and -k are one, so each pair is evaluated once and stands in both places: that is
    half of the work. Many frequencies go through the model together.

    The model itself stays as it is, converted or not; it runs in eval mode without gradients, and
    has the mode that it had afterwards. Batches are gone through once.

    Args:
        model: of maps `(N, C, *space)`, yields `(N, classes)`.
        batches: pairs of maps and class indices `(N,)`, on the model's device; all of one space.
        norm: l2 norm of the perturbation of each channel, in the units of the maps; at least 0. The
            perturbation of a whole map is the square root of its channels as large.
        batch_size: perturbed maps that go through the model at a time.
        seed: of the signs; the same for the same batches, whatever `batch_size`.

    Returns:
        Error rates, for any number of space axes; `draw` knows one and two.

    Raises:
        TypeError: no module, or an argument or a batch of a wrong type.
        ValueError: a negative norm, a batch size below 1, or no samples.
        RuntimeError: shapes of maps, labels or outputs that do not belong together.

    Source:
        Yin et al., "A Fourier Perspective on Model Robustness in Computer Vision", NeurIPS 2019
        (arXiv:1906.08988), section 3.

    Examples:
        >>> maps = torch.tensor([[[1.0, 0.0, 0.0, 0.0]]] * 20)  # the class: the sign of the mean
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
        >>> with torch.no_grad():
        ...     _ = model[1].weight.copy_(torch.tensor([[1.0] * 4, [-1.0] * 4]))
        >>> fourier_heatmap(model, [(maps, torch.zeros(20, dtype=int))], norm=2.0).error > 0.2
        tensor([False, False,  True, False])
    """
    name = "fourier_heatmap"
    check_model(name, model)
    norm = check_number(name, "norm", norm)
    if norm < 0:
        raise ValueError(f"{name}: norm is at least 0; got {norm!r}")
    for role, number in (("batch_size", batch_size), ("seed", seed)):
        if isinstance(number, bool) or not isinstance(number, Integral):
            raise TypeError(f"{name}: {role} is a whole number; got {number!r}")
    if batch_size < 1:
        raise ValueError(f"{name}: batch_size is at least 1; got {batch_size!r}")
    generator = torch.Generator("cpu").manual_seed(int(seed))
    space: tuple[int, ...] = ()
    samples, clean, errors = 0, torch.zeros(()), torch.zeros(0)
    with evaluating(model):
        for maps, labels in labeled(name, batches):
            if not samples:
                space = tuple(maps.shape[2:])
                frequencies, place = _pairs(space)
                clean = torch.zeros((), dtype=torch.long, device=maps.device)
                errors = torch.zeros(len(frequencies), dtype=torch.long, device=maps.device)
            elif tuple(maps.shape[2:]) != space:
                raise RuntimeError(
                    f"{name}: all maps have the same space; got {tuple(maps.shape[2:])} after "
                    f"{space}"
                )
            samples += len(labels)
            shape = (len(frequencies), *maps.shape[:2])
            heads = torch.randint(2, shape, dtype=torch.int8, generator=generator, device="cpu")
            parts = (maps, labels, heads.to(maps.device).movedim(1, 0))
            for some, known, signs in zip(*(p.split(batch_size) for p in parts), strict=True):
                clean += wrong(name, model, some, known).sum()
                _count(errors, model, some, known, signs, frequencies, norm, batch_size)
    rates = errors.cpu().double() / samples
    return FourierHeatmap(
        torch.fft.fftshift(rates[place].view(space)), clean.item() / samples, norm
    )


def _count(
    errors: Tensor,
    model: nn.Module,
    maps: Tensor,
    labels: Tensor,
    heads: Tensor,
    frequencies: Tensor,
    norm: float,
    batch_size: int,
) -> None:
    """Add to the errors of each frequency those on these maps.

    Args:
        errors: `(frequencies,)`, changed in place.
        model: the classifier.
        maps: `(N, C, *space)`, N no more than the batch size.
        labels: `(N,)`.
        heads: 1 for a positive sign and 0 for a negative one, `(N, frequencies, C)`.
        frequencies: `(frequencies, axes)`.
        norm: of the perturbation.
        batch_size: of what goes through the model.
    """
    together = max(1, batch_size // len(maps))
    for first in range(0, len(frequencies), together):
        chosen = slice(first, first + together)
        waves = norm * _waves(frequencies[chosen], tuple(maps.shape[2:]))
        noise = _signed(waves.to(maps), heads[:, chosen])
        noisy = (maps[:, None] + noise).flatten(0, 1)
        known = labels.repeat_interleave(noise.shape[1])
        missed = wrong("fourier_heatmap", model, noisy, known)
        errors[chosen] += missed.view(noise.shape[:2]).sum(0)


def _pairs(space: Sequence[int]) -> tuple[Tensor, Tensor]:
    """One frequency of each pair ±k, `(pairs, axes)`, and which pair each bin of the grid is of."""
    along = [torch.arange(n, device="cpu") for n in space]
    bins = torch.cartesian_prod(*along).view(-1, len(space))
    weights = torch.tensor(
        [math.prod(space[axis + 1 :]) for axis in range(len(space))], device="cpu"
    )
    mirrored = ((-bins) % torch.tensor(space, device="cpu") * weights).sum(1)
    first, place = torch.minimum(torch.arange(len(bins), device="cpu"), mirrored).unique(
        return_inverse=True
    )
    return bins[first], place


def _waves(frequencies: Tensor, space: Sequence[int]) -> Tensor:
    """Cosines of these frequencies, of norm 1, `(frequencies, *space)` in float64 on the CPU."""
    phase = torch.zeros(1, dtype=torch.float64, device="cpu")
    for axis, n in enumerate(space):
        turns = (
            frequencies[:, axis, None] * torch.arange(n, device="cpu")
        ) % n  # whole: rounding is once
        phase = phase[..., None] + turns.double().view(-1, *(1,) * axis, n) / n
    waves = torch.cos(2 * math.pi * phase)
    norms: Tensor = torch.linalg.vector_norm(waves.flatten(1), dim=1)
    return waves / norms.view(-1, *(1,) * len(space))


def _signed(waves: Tensor, heads: Tensor) -> Tensor:
    """Each wave with the sign of each map and channel, `(N, frequencies, C, *space)`."""
    signs = (2 * heads - 1).to(waves.dtype)
    noise: Tensor = signs.view(*signs.shape, *(1,) * (waves.dim() - 1)) * waves[:, None]
    return noise
