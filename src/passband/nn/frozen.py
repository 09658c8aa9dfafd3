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

_SPECTRA = 8  # bands and sizes remembered at once
_READY = 64  # shapes, of which many share their spectra


def remembers(*tensors: Tensor | None) -> bool:
    """Whether a change of these would be seen: nobody counts those of inference mode."""
    for t in tensors:
        if t is not None and t.is_inference():
            return False
    return not is_in_torch_dispatch_mode()


T = TypeVar("T")


class _Memory(Generic[T]):
    """Results by key, until a tensor changes that they were made from; the oldest are forgotten.

    A change is seen by a tensor's identity, version and place in memory, so an optimiser's step,
    `load_state_dict` or `to` are; writing to `weight.data` leaves no trace and is not. A weight
    that is computed anew for each call is another one each time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # Swapped as one, never changed: threads share a layer.
        self._known: tuple[Any, tuple[Tensor, ...], dict[Hashable, T]] = ((), (), {})
        self.forgotten = 0

    def recall(
        self, tensors: tuple[Tensor, ...], key: Hashable, make: Callable[[], T], beside: int = 0
    ) -> T:
        """The result for a key, made where it is not known; another `beside` forgets all others."""
        state = [beside, *((id(t), t._version, t.data_ptr(), t.dtype, t.device) for t in tensors)]
        seen, _, results = self._known
        if state != seen:
            results = {}
        try:
            return results[key]
        except KeyError:
            pass
        except TypeError:  # the key has a list, say, which may change in place
            return make()
        made = make()
        kept = list(results.items())[1 - self._most :]
        self.forgotten += len(results) - len(kept)
        # Of a change of dtype and back nothing would tell, were new memory where the old one was.
        held = (*tensors, *(t.detach() for t in tensors))
        self._known = (state, held, dict([*kept, (key, made)]))
        return made


class FilterSpectra:
    """The filter spectra of a layer by band, size and dtype: `filtering.prepare`, remembered."""

    def __init__(self) -> None:
        self._memory = _Memory[Tensor](_SPECTRA)

    @property
    def forgotten(self) -> int:
        """How many are no longer remembered for want of room."""
        return self._memory.forgotten

    def __call__(self, weight: Tensor, plan: Plan, dtype: torch.dtype, by_taps: bool) -> Tensor:
        """What `filtering.prepare` makes of the weight, on the first call."""

        def make() -> Tensor:
            with torch.inference_mode(False), torch.no_grad():
                return prepare(weight.detach(), plan, dtype, by_taps)

        key = (plan.geometry.filter_axes, plan.filter_transform, dtype, by_taps)
        return self._memory.recall((weight,), key, make)


class Frozen:
    """What a frozen layer remembers: filter spectra, and convolutions of maps ready to run."""

    def __init__(self) -> None:
        self.spectra = FilterSpectra()
        self._ready = _Memory[Ready](_READY)

    def __reduce__(self) -> tuple[Any, ...]:
        return Frozen, ()  # a copied or loaded layer computes its own

    def ready(
        self, weight: Tensor, bias: Tensor | None, key: Hashable, make: Callable[[], Ready]
    ) -> Ready:
        """What `make` returns, on the first call with this key."""
        tensors = (weight,) if bias is None else (weight, bias)
        # What is ready holds its spectra: forgotten there, it is to be forgotten here.
        return self._ready.recall(tensors, key, make, self.spectra.forgotten)
