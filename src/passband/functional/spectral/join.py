"""Channels of several spectra side by side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from passband.functional.spectral.held import Held
from passband.functional.spectral.spectrum import Spectrum, check_alike
from passband.functional.spectral.transform import check_spectrum
from passband.transforms.recording import opaque


@opaque
def cat_spectra(spectra: Sequence[Spectrum]) -> Spectrum:
    """The channels of spectra, one after another.

    What follows holds what is held of each: in a dense block nothing is held twice.

    Args:
        spectra: at least one, of the same space, lengths, norm and batch.

    Returns:
        A spectrum of all their channels.

    Raises:
        TypeError: one is no `Spectrum`.
        ValueError: none, or they differ in sizes, norm or batch.

    Examples:
        >>> from passband.functional import to_spectrum
        >>> s = to_spectrum(torch.randn(2, 3, 8, 8))
        >>> cat_spectra([s, s]).shape
        (2, 6, 8, 8)
    """
    spectra = list(spectra)
    if not spectra:
        raise ValueError("cat_spectra: at least one spectrum; got none")
    for one in spectra:
        check_spectrum("cat_spectra", one)
    check_alike("cat_spectra", spectra)
    batches = [one.values.shape[2] for one in spectra]
    if len(set(batches)) > 1:
        raise ValueError(f"cat_spectra: the spectra have the same batch; got {batches}")
    values = torch.cat([one.values for one in spectra], 3)
    keeps = [one.keep for one in spectra]
    if all(keep is None for keep in keeps):
        return spectra[0].with_values(values)
    return spectra[0].with_values(values, partial(_held, [one.held for one in spectra]))


def _held(each: Sequence[object]) -> Held:
    parts: list[Held] = [held() for held in each]  # type: ignore[operator]
    counts = [len(part.tensors) for part in parts]
    restores = [part.restore for part in parts]

    def restore(*tensors: Tensor) -> Tensor:
        left = iter(tensors)
        return torch.cat(
            [f(*(next(left) for _ in range(n))) for f, n in zip(restores, counts, strict=True)], 3
        )

    return Held(tuple(t for part in parts for t in part.tensors), restore)
