"""What a frozen layer remembers of its weight."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from passband.functional.convolution import Ready
from passband.functional.filtering import prepare
from passband.functional.plan import Plan

_MOST = 8  # bands and sizes remembered at once


def remembers(*tensors: Tensor | None) -> bool:
    """Whether a change of these would be seen: what is computed of them may be kept."""
    for t in tensors:
        if t is not None and t.is_inference():
            return False
    return not is_in_torch_dispatch_mode()


class Frozen:
    """Filter spectra by band, size and dtype, and convolutions of maps ready to run.

    Both until weight or bias change. A change is seen by a tensor's identity, version and place in
    memory, so an optimiser's step, `load_state_dict` or `to` are; writing to `weight.data` leaves
    no trace and is not. A weight that is computed anew for each call is another one each time; one
    whose versions nobody counts (made in inference mode) is not for this.
    """

    def __init__(self) -> None:
        self._spectra = _Memory[Tensor]()
        self._ready = _Memory[Ready]()

    def __reduce__(self) -> tuple[Any, ...]:
        return Frozen, ()  # a copied or loaded layer computes its own

    def spectra(self, weight: Tensor, plan: Plan, dtype: torch.dtype, by_taps: bool) -> Tensor:
        """What `filtering.prepare` makes of the weight, on the first call."""

        def make() -> Tensor:
            with torch.inference_mode(False), torch.no_grad():
                return prepare(weight.detach(), plan, dtype, by_taps)

        key = (plan.geometry.filter_axes, plan.filter_transform, dtype, by_taps)
        return self._spectra.recall((weight,), key, make)

    def ready(
        self, weight: Tensor, bias: Tensor | None, key: Hashable, make: Callable[[], Ready]
    ) -> Ready:
        """What `make` returns, on the first call with this key."""
        return self._ready.recall((weight,) if bias is None else (weight, bias), key, make)


T = TypeVar("T")


class _Memory(Generic[T]):
    """Results by key, until a tensor changes that they were made from."""

    def __init__(self) -> None:
        # Swapped as one, never changed: threads share a layer.
        self._known: tuple[Any, tuple[Tensor, ...], dict[Hashable, T]] = ((), (), {})

    def recall(self, tensors: tuple[Tensor, ...], key: Hashable, make: Callable[[], T]) -> T:
        """The result for a key, made where it is not known."""
        try:
            hash(key)
        except TypeError:  # it holds a list, say, which may change in place
            return make()
        state = [(id(t), t._version, t.data_ptr(), t.dtype, t.device) for t in tensors]
        seen, _, results = self._known
        if state != seen:
            results = {}
        if key not in results:
            results = dict([*list(results.items())[1 - _MOST :], (key, make())])
            self._known = (state, tensors, results)
        return results[key]
