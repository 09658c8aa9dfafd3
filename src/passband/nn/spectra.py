"""Filter spectra remembered for inference."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from passband.functional.filtering import prepare
from passband.functional.plan import Plan

_MOST = 8  # bands and sizes remembered at once


class FilterSpectra:
    """The filter spectra of a layer, by band, size and dtype, until its weight changes.

    A change is seen by the weight's identity, version and place in memory, so an optimiser's step,
    `load_state_dict` or `to` are; writing to `weight.data` leaves no trace and is not. A weight
    that is computed anew for each call is another one each time; of one whose versions nobody
    counts (made in inference mode) nothing is remembered.
    """

    def __init__(self) -> None:
        # Swapped as one, never changed: threads share a layer.
        self._known: tuple[tuple[Any, ...], Tensor | None, dict[Any, Tensor]] = ((), None, {})

    def __reduce__(self) -> tuple[Any, ...]:
        return FilterSpectra, ()  # a copied or loaded layer computes its own

    def __call__(self, weight: Tensor, plan: Plan, dtype: torch.dtype, by_taps: bool) -> Tensor:
        """What `filtering.prepare` makes of the weight, on the first call."""
        if weight.is_inference() or is_in_torch_dispatch_mode():
            return prepare(weight, plan, dtype, by_taps)
        state = (weight.data_ptr(), weight._version, weight.dtype, weight.device)
        seen, of, spectra = self._known
        if weight is not of or state != seen:
            spectra = {}
        key = (plan.geometry.filter_axes, plan.filter_transform, dtype, by_taps)
        found = spectra.get(key)
        if found is None:
            with torch.inference_mode(False), torch.no_grad():
                found = prepare(weight.detach(), plan, dtype, by_taps)
            kept = list(spectra.items())[1 - _MOST :]
            self._known = (state, weight, dict([*kept, (key, found)]))
        return found
