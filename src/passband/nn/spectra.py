"""Filter spectra remembered for inference."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from passband.functional.convolution import filter_spectra
from passband.functional.plan import Plan

_MOST = 8  # bands and sizes remembered at once


class FilterSpectra:
    """The filter spectra of a layer, by band, size and dtype, until its weight changes.

    A change is seen by the weight's version and place in memory, so an optimiser's step,
    `load_state_dict` or `to` are; writing to `weight.data` leaves no trace and is not.
    """

    def __init__(self) -> None:
        self._weight: tuple[Any, ...] = ()
        self._known: dict[Any, Tensor] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return FilterSpectra, ()  # a copied or loaded layer computes its own

    def __call__(self, weight: Tensor, plan: Plan, dtype: torch.dtype) -> Tensor:
        """The spectra that `plan` multiplies by, computed on the first call."""
        version = 0 if weight.is_inference() else weight._version
        seen = (weight.data_ptr(), version, weight.dtype, weight.device)
        if seen != self._weight:
            self._weight, self._known = seen, {}
        key = (plan.geometry.filter_axes, plan.filter_transform, dtype)
        known = self._known
        if key not in known:
            if len(known) >= _MOST:
                del known[next(iter(known))]
            with torch.inference_mode(False), torch.no_grad():
                known[key] = filter_spectra(weight.detach(), plan, dtype)
        return known[key]
