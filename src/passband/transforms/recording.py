"""Autograd functions without their overhead."""

from __future__ import annotations

from typing import Any

import torch


def recording() -> bool:
    """Whether autograd or a function transform follows what is computed."""
    return torch.is_grad_enabled() or torch._C._are_functorch_transforms_active()


def apply(function: Any, *args: Any) -> Any:
    """Apply an autograd function that has `setup_context`, as cheaply as the situation allows.

    With nothing to record its forward is enough. Under function transforms it is applied as it is.
    Otherwise a twin is, whose forward takes the context: for that, PyTorch does not inspect the
    signature at each call, which takes longer than a small convolution.
    """
    if torch._C._are_functorch_transforms_active():
        return function.apply(*args)
    if not torch.is_grad_enabled():
        return function.forward(*args)
    return _twin(function).apply(*args)


_TWINS: dict[Any, Any] = {}


def _twin(function: Any) -> Any:
    if function not in _TWINS:

        def forward(ctx: Any, *args: Any) -> Any:
            output = function.forward(*args)
            function.setup_context(ctx, args, output)
            return output

        members = {"forward": staticmethod(forward), "backward": staticmethod(function.backward)}
        _TWINS[function] = type(function.__name__, (torch.autograd.Function,), members)
    return _TWINS[function]
