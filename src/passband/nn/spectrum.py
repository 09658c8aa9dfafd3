"""Layers of spectra: between maps and their spectrum, convolution, norm, selection, activation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from passband.functional.arguments import check_choice
from passband.functional.spectral.norm import affine_of
from passband.functional.spectral.selection import (
    check_beta,
    check_store,
    spectral_activation,
    spectral_threshold,
)
from passband.functional.spectral.settle import Affine, settle
from passband.functional.spectral.spectrum import Spectrum, SpectrumNorm
from passband.functional.spectral.transform import check_margin, to_space, to_spectrum
from passband.packing.sparse import Store


class ToSpectrum(nn.Module):
    """The spectrum of maps `(N, C, *space)`; see `passband.functional.to_spectrum`.

    Args:
        margin: zeros behind the samples of each axis, one number for all or one each; see
            `passband.functional.margin_for`.
        norm: `"ortho"` or `"backward"`.

    Examples:
        >>> from passband.nn import SpecConv2d
        >>> layers = nn.Sequential(ToSpectrum(margin=1), SpecConv2d(3, 8, 3), ToSpace())
        >>> layers(torch.randn(2, 3, 32, 32)).shape
        torch.Size([2, 8, 32, 32])
    """

    def __init__(self, margin: int | Sequence[int] = 0, norm: SpectrumNorm = "ortho") -> None:
        super().__init__()
        check_choice("ToSpectrum", "norm", norm, ("ortho", "backward"))
        count = len(margin) if isinstance(margin, Sequence) else 1
        check_margin("ToSpectrum", margin, count)
        self.margin, self.norm = margin, norm

    def forward(self, x: Tensor) -> Spectrum:
        """`(N, C, *space)` to its spectrum."""
        return to_spectrum(x, self.margin, self.norm)

    def extra_repr(self) -> str:
        """The margin and the norm."""
        return f"margin={self.margin}, norm={self.norm!r}"


class ToSpace(nn.Module):
    """The maps of a spectrum, without their margin; see `passband.functional.to_space`."""

    def forward(self, spectrum: Spectrum) -> Tensor:
        """A spectrum to `(N, C, *space)`."""
        return to_space(spectrum)


class SpectralBatchNorm(nn.Module):
    """Batch norm of the maps without leaving the spectrum.

    Parameters and buffers are those of `nn.BatchNorm2d`; see
    `passband.functional.spectral_batch_norm`. In distributed training each process has the
    statistics of its own part of the batch.

    Args:
        num_features: channels.
        eps: added to the variance.
        momentum: share of a batch in the running statistics.

    Raises:
        ValueError: a number is out of range.

    Examples:
        >>> sum(p.numel() for p in SpectralBatchNorm(8).parameters())
        16
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        if not (num_features > 0 and eps > 0 and 0 <= momentum <= 1):
            raise ValueError(
                f"SpectralBatchNorm: num_features and eps are positive and momentum in [0, 1]; got "
                f"{num_features}, {eps} and {momentum}"
            )
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.long))

    def forward(self, spectrum: Spectrum) -> Spectrum:
        """A spectrum of `num_features` channels to one with their maps normalised."""
        return settle(spectrum, affine=self.affine(spectrum))

    def affine(self, spectrum: Spectrum) -> Affine:
        """What it does to each channel of this spectrum; in training, takes note of it."""
        if self.training:
            self.num_batches_tracked.add_(1)
        return affine_of(
            spectrum, self.running_mean, self.running_var, self.weight, self.bias, self.training,
            self.momentum, self.eps,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class Threshold(nn.Module):
    """Zeros in place of small coefficients; see `passband.functional.spectral_threshold`.

    Args:
        beta: the least magnitude that is kept. It is a buffer and travels in the `state_dict`;
            `passband.set_beta_` and `passband.calibrate_beta_` change it.
        store: how backward holds what is kept.

    Raises:
        TypeError: beta is no number.
        ValueError: beta is negative or NaN; another store.

    Examples:
        >>> Threshold(0.5)
        Threshold(beta=0.5, store='exact')
    """

    beta: Tensor

    def __init__(self, beta: float, store: Store = "exact") -> None:
        super().__init__()
        check_beta("Threshold", beta)
        check_store("Threshold", store)
        self.store = store
        self.register_buffer("beta", torch.tensor(float(beta)))

    def forward(self, spectrum: Spectrum) -> Spectrum:
        """A spectrum to one with zeros in it."""
        return spectral_threshold(spectrum, self.beta, self.store)

    def extra_repr(self) -> str:
        """The threshold."""
        beta = "?" if self.beta.is_meta else f"{self.beta.item():.4g}"
        return f"beta={beta}, store={self.store!r}"


class SpectralActivation(nn.Module):
    """An activation of real and imaginary parts; see `passband.functional.spectral_activation`.

    Args:
        activation: a name of `passband.functional.activations`.
        store: how backward holds its output, if that is sparse.

    Raises:
        ValueError: another name or store.
    """

    def __init__(self, activation: str = "tanh", store: Store = "exact") -> None:
        super().__init__()
        check_store("SpectralActivation", store, activation)
        self.activation, self.store = activation, store

    def forward(self, spectrum: Spectrum) -> Spectrum:
        """A spectrum to one of the same sizes."""
        return spectral_activation(spectrum, self.activation, self.store)

    def extra_repr(self) -> str:
        """The activation."""
        return f"{self.activation!r}, store={self.store!r}"
