"""PyTorch's functions, while a model runs, by others that hold less for backward.

Modules and functional code alike go through PyTorch's functions, which a mode of `torch.overrides`
sees. Each that holds something and has a counterpart here is computed by that; all others are left
alone, and stay right.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.utils.checkpoint
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.overrides import TorchFunctionMode, handle_torch_function, has_torch_function

from passband.memory import store
from passband.memory.handlers import HANDLERS, Function
from passband.memory.policy import MemoryPolicy, Spectra
from passband.memory.recipe import Recipes, Stored

_CHECKPOINT = torch.utils.checkpoint.__name__


class MemoryMode(TorchFunctionMode):
    """Functions that hold less, for one forward pass.

    Args:
        policy: what is kept.
        chance: decides what is rounded at random.
        goes_on: whether the pass does; a mode that Ctrl-C left behind does nothing.
    """

    def __init__(
        self, policy: MemoryPolicy, chance: random.Random, goes_on: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._goes_on = goes_on
        self.policy = policy
        self.recipes = Recipes(most=policy.convolutions)
        of_spectra: dict[Spectra, Stored] = {
            "exact": store.exact,
            "bfloat16": store.rounded,
            "int8": partial(store.coded, 8, chance),
        }
        self.spectrum = of_spectra[policy.spectra]
        self.map: Stored = store.exact
        if policy.maps == "low band":
            self.map = partial(store.banded, policy.bits, policy.basis, chance)

    def __torch_function__(
        self,
        func: Function,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        handler = HANDLERS.get(func)
        if handler is not None and torch.is_grad_enabled() and _plain(args) and self._goes_on():
            out = _seen(handler, self, func, *args, **kwargs)
            if out is not None:
                return out
        return func(*args, **kwargs)

    def ended(self) -> None:
        """The pass is over, and nothing of it stays."""
        self._goes_on = lambda: False


def _seen(
    handler: Function, mode: MemoryMode, func: Function, /, *args: Any, **options: Any
) -> Any:
    """What a handler computes, for other modes to see as they would see the function."""
    tensors = _tensors(args)
    if has_torch_function(tensors):
        return handle_torch_function(handler, tensors, mode, func, *args, **options)
    return handler(mode, func, *args, **options)


def _tensors(args: tuple[Any, ...]) -> tuple[Tensor, ...]:
    given = args[0] if args and isinstance(args[0], tuple | list) else args
    return tuple(t for t in given if isinstance(t, Tensor))


def _plain(args: tuple[Any, ...]) -> bool:
    """Whether tensors are memory and no more, some wants a gradient, and only autograd follows."""
    if _followed():
        return False
    tensors = _tensors(args)
    real = all(type(t) in (Tensor, nn.Parameter) and t.is_floating_point() for t in tensors)
    real = real and not any(t.is_inference() for t in tensors)
    return real and any(t.requires_grad for t in tensors)


def _followed() -> bool:
    """Whether a compiler, a tracer, a function transform or activation checkpointing looks on.

    Checkpointing holds nothing in a region and runs it a second time, not always in this mode; both
    times the same must be saved.
    """
    hooks = torch._C._autograd._top_saved_tensors_default_hooks(True)
    return (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or torch._C._get_tracing_state() is not None
        or forward_ad._current_level >= 0
        or (hooks is not None and getattr(hooks[0], "__module__", "") == _CHECKPOINT)
    )
