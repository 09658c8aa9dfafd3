"""Which coefficients of a spectrum are kept, and activation of those that are."""

from __future__ import annotations

import math
from numbers import Real
from typing import get_args

import torch
from torch import Tensor

from passband.band import Band
from passband.functional.spectral.activation import activation_of
from passband.functional.spectral.settle import settle
from passband.functional.spectral.spectrum import Spectrum
from passband.functional.spectral.transform import check_spectrum
from passband.packing.sparse import Store
from passband.transforms.recording import opaque


@opaque
def spectral_threshold(
    spectrum: Spectrum, beta: float | Tensor, store: Store = "exact"
) -> Spectrum:
    r"""Zeros in place of coefficients of small magnitude.

    .. math:: \hat Y = Y \text{ if } |Y| \ge \beta \text{ else } 0

    The magnitude is the complex number's, so mirrored bins are kept or dropped together. β has an
    absolute scale: that of the maps, times that of the transform's norm.

    What follows holds the result as one bit for each coefficient and the kept values. Gradients are
    those of this function: a dropped coefficient passes nothing.

    Args:
        spectrum: of any sizes.
        beta: not negative; 0 keeps all.
        store: how backward holds kept values: `"exact"`, rounded to `"bfloat16"`, or in eight bits
            as `"int8"`. Outputs do not depend on it.

    Raises:
        TypeError: no `Spectrum`.
        ValueError: β is negative or no number; another store.

    Source:
        Guan et al., "SpecNet: Spectral Domain Convolutional Neural Network", the threshold of its
        forward pass.

    Examples:
        >>> s = Spectrum(torch.tensor([3.0, 4.0]).view(1, 2, 1, 1), (1,), (1,))
        >>> spectral_threshold(s, 5.0).density(), spectral_threshold(s, 5.1).density()
        (1.0, 0.0)
    """
    check_spectrum("spectral_threshold", spectrum)
    check_beta("spectral_threshold", beta)
    check_store("spectral_threshold", store)
    return settle(spectrum, beta=beta, store=store)


def keep_largest(spectrum: Spectrum, keep: float, store: Store = "exact") -> Spectrum:
    """The largest coefficients of each map, zeros in place of the others.

    Args:
        spectrum: of any sizes.
        keep: share of each map's coefficients, in (0, 1], at least one; of several as large, one.
        store: as in `spectral_threshold`.

    Raises:
        TypeError: no `Spectrum`.
        ValueError: `keep` is out of range; another store.

    Source:
        `CompressType.BIG_COEFF` of the reference code of Dziedzic et al., ICML 2019.

    Examples:
        >>> from passband.functional import to_spectrum
        >>> keep_largest(to_spectrum(torch.randn(2, 3, 8, 8)), 0.25).density()
        0.2647058963775635
    """
    check_spectrum("keep_largest", spectrum)
    check_store("keep_largest", store)
    if not isinstance(keep, int | float) or not 0 < keep <= 1:
        raise ValueError(f"keep_largest: keep is in (0, 1]; got {keep!r}")
    values = spectrum.values.detach()
    count = max(1, math.floor(keep * len(values) + 0.5))
    wide = values if values.dtype == torch.float64 else values.float()
    magnitudes = torch.hypot(*wide.unbind(1))
    chosen = torch.zeros_like(magnitudes, dtype=torch.bool)
    chosen.scatter_(0, magnitudes.topk(count, dim=0, sorted=False).indices, True)
    return settle(spectrum, chosen=chosen, store=store)


def band_limit(spectrum: Spectrum, band: Band, store: Store = "exact") -> Spectrum:
    """The coefficients of a band, zeros in place of the others.

    A convolution of the result is the band-limited convolution with its filter left whole: the
    filter's coefficients outside of the band meet zeros.

    Args:
        spectrum: of any sizes.
        band: by keep, cutoff or modes.
        store: as in `spectral_threshold`.

    Raises:
        TypeError: no `Spectrum`, no `Band`.
        ValueError: a band by energy, which depends on the data; another store.

    Source:
        `CompressType.NO_FILTER` of the reference code of Dziedzic et al., ICML 2019.

    Examples:
        >>> from passband.functional import to_spectrum
        >>> x = torch.randn(2, 3, 8, 8)
        >>> band_limit(to_spectrum(x), Band(modes=1)).density()  # DC, of 34 bins
        0.029411764815449715
    """
    check_spectrum("band_limit", spectrum)
    check_store("band_limit", store)
    if not isinstance(band, Band):
        raise TypeError(
            f"band_limit: band is a passband.Band, such as Band(keep=0.25); got {band!r}"
        )
    if band.energy is not None:
        raise ValueError(f"band_limit: a band by keep, cutoff or modes; got {band}")
    modes = band.resolve(list(spectrum.lengths))
    inside = [
        all(abs(k) < m for k, m in zip(bin_, modes, strict=True)) for bin_ in spectrum.frequencies
    ]
    chosen = torch.tensor(inside, device=spectrum.values.device).view(-1, 1, 1)
    return settle(spectrum, chosen=chosen.expand(-1, *spectrum.values.shape[2:]), store=store)


def spectral_activation(
    spectrum: Spectrum, activation: str = "tanh", store: Store = "exact"
) -> Spectrum:
    r"""An activation of the real and of the imaginary part of each coefficient.

    .. math:: f(a + jb) = f_1(a) + j f_2(b)

    with an odd :math:`f_2`, so that maps stay real. It limits the magnitude of each frequency and
    is no pointwise function of the maps: shifted maps, whose coefficients are turned, have another
    result. What follows holds its output, packed if a threshold came before.

    Args:
        spectrum: of any sizes.
        activation: a name of `activations`.
        store: as in `spectral_threshold`.

    Raises:
        TypeError: no `Spectrum`.
        ValueError: another activation or store.

    Source:
        Guan et al., "SpecNet: Spectral Domain Convolutional Neural Network", equation 5.

    Examples:
        >>> s = Spectrum(torch.tensor([1.0, -1.0]).view(1, 2, 1, 1), (1,), (1,))
        >>> spectral_activation(s, "softsign").values.flatten()
        tensor([ 0.5000, -0.5000])
    """
    check_spectrum("spectral_activation", spectrum)
    check_store("spectral_activation", store, activation)
    return settle(spectrum, activation=activation, store=store)


def check_beta(name: str, beta: float | Tensor) -> None:
    """A threshold; of a tensor on another device only the shape, not to wait for its value.

    Raises:
        TypeError: it is neither.
        ValueError: it is negative, no number, or requires a gradient.
    """
    if isinstance(beta, Tensor):
        if beta.numel() != 1 or not beta.is_floating_point():
            raise ValueError(f"{name}: beta is one number; got {beta.dtype} {tuple(beta.shape)}")
        if beta.requires_grad:
            raise ValueError(f"{name}: a threshold has no gradient; got a beta that requires one")
        if type(beta) is not Tensor or beta.device.type != "cpu":
            return  # its value is elsewhere
        beta = beta.item()
    if isinstance(beta, bool) or not isinstance(beta, Real):
        raise TypeError(f"{name}: beta is a number; got {beta!r}")
    if not beta >= 0:
        raise ValueError(f"{name}: beta is not negative; got {beta!r}")


def check_store(name: str, store: object, activation: str = "identity") -> None:
    """How kept values are held, of which an activation's derivative follows.

    Raises:
        ValueError: another word, another activation, or one whose derivative jumps and cannot be
            read off rounded values.
    """
    if store not in get_args(Store):
        raise ValueError(f"{name}: store is one of {', '.join(get_args(Store))}; got {store!r}")
    parts = activation_of(activation)
    if store != "exact" and not all(part.smooth for part in parts):
        raise ValueError(
            f"{name}: the derivative of {activation!r} jumps and does not follow from rounded "
            f"values: store='exact', or another activation; got store={store!r}"
        )
