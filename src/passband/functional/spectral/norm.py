"""Batch norm of maps, computed from their spectrum."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from passband.functional.spectral import elementwise
from passband.functional.spectral.settle import Affine, settle
from passband.functional.spectral.spectrum import Spectrum
from passband.functional.spectral.transform import check_spectrum
from passband.transforms.recording import opaque


def spectral_batch_norm(
    spectrum: Spectrum,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Spectrum:
    r"""Batch norm of the maps, their margin included, without leaving the spectrum.

    With L points in all and multiplicities μ, for `norm="ortho"` and each channel

    .. math::
        m = \frac{1}{N \sqrt L} \sum_n X_{0,n}, \quad
        v = \frac{1}{N L} \sum_{n,k} \mu_k |X_{k,n}|^2 - m^2:

    the mean is DC's, and the variance follows from Parseval's theorem. What is held of the spectrum
    is what the function before holds: for backward its output is computed again.

    Args:
        spectrum: of maps with C channels.
        running_mean: `(C,)`, updated in training; None to use none.
        running_var: `(C,)`, likewise; of unbiased variances, as in `nn.BatchNorm2d`.
        weight: γ, `(C,)`.
        bias: β, `(C,)`.
        training: whether the batch's own statistics are used.
        momentum: share of the batch in the running statistics.
        eps: added to the variance.

    Raises:
        TypeError: no `Spectrum`.
        RuntimeError: parameters of other shapes.
        ValueError: fewer than two values a channel in training, or no running statistics without.

    Examples:
        >>> from passband.functional import to_space, to_spectrum
        >>> x = torch.randn(4, 3, 6, 6)
        >>> y = to_space(spectral_batch_norm(to_spectrum(x), None, None, training=True))
        >>> of_maps = torch.nn.functional.batch_norm(x, None, None, training=True)
        >>> torch.testing.assert_close(y, of_maps, rtol=1e-4, atol=1e-5)
    """
    affine = affine_of(
        spectrum, running_mean, running_var, weight, bias, training, momentum, eps,
    )  # fmt: skip
    return settle(spectrum, affine=affine)


@opaque
def affine_of(
    spectrum: Spectrum,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Affine:
    """What batch norm does to each channel; in training, updates the running statistics."""
    name = "spectral_batch_norm"
    check_spectrum(name, spectrum)
    values = spectrum.values.detach()
    batch, channels = values.shape[2:]
    for role, t in (
        ("running_mean", running_mean), ("running_var", running_var), ("weight", weight),
        ("bias", bias),
    ):  # fmt: skip
        if t is not None and tuple(t.shape) != (channels,):
            raise RuntimeError(f"{name}: {role} has shape ({channels},); got {tuple(t.shape)}")
    if training and batch * math.prod(spectrum.lengths) < 2:
        raise ValueError(
            f"{name}: a batch has statistics if it has two values a channel; got {spectrum.shape}"
        )
    with torch.no_grad():
        if training:
            mean, var = _moments(spectrum, values)
            _update(
                running_mean, running_var, mean, var, momentum, batch * math.prod(spectrum.lengths)
            )
        elif running_mean is None or running_var is None:
            raise ValueError(f"{name}: without training there are running statistics; got None")
        else:
            # Copies: another batch in training may move them before this one's backward.
            mean, var = running_mean.clone(), running_var
        reciprocal = torch.rsqrt(var + eps)
    like = mean.detach()
    return Affine(
        like, reciprocal, torch.ones_like(like) if weight is None else weight,
        torch.zeros_like(like) if bias is None else bias, training,
    )  # fmt: skip


def _moments(spectrum: Spectrum, values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of the maps of each channel."""
    batch, unit = values.shape[2], spectrum.unit
    dc = values[0, 0].to(torch.float64 if values.dtype == torch.float64 else torch.float32)
    # DC apart, since squares of a large mean would drown all others.
    of_dc, mean = torch.var_mean(dc, 0, correction=0)
    rest = elementwise.energy(values[1:], spectrum.own - 1) / batch
    return mean / unit, (of_dc + rest) / unit**2


def _update(
    running_mean: Tensor | None, running_var: Tensor | None, mean: Tensor, var: Tensor,
    momentum: float, count: int,
) -> None:  # fmt: skip
    if running_mean is not None:
        running_mean.lerp_(mean.to(running_mean.dtype), momentum)
    if running_var is not None:
        unbiased = var * (count / max(1, count - 1))
        running_var.lerp_(unbiased.to(running_var.dtype), momentum)
