"""Autograd functions without their overhead."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch.autograd import forward_ad
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

P = ParamSpec("P")
R = TypeVar("R")


def recording() -> bool:
    """Whether somebody follows what is computed: autograd, a function transform, a tracer."""
    return (
        torch.is_grad_enabled()
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
        or is_in_torch_dispatch_mode()
    )


def apply(function: Any, *args: Any) -> Any:
    """Apply an autograd function that has `setup_context`, as cheaply as the situation allows.

    With nothing to record its forward is enough; while exporting, too, since a program knows no
    backward but that of its operations. Under function transforms it is applied as it is.
    Otherwise a twin is, whose forward takes the context: for that, PyTorch does not inspect the
    signature at each call, which takes longer than a small convolution.
    """
    if torch._C._are_functorch_transforms_active():
        return function.apply(*args)
    if not recording() or torch.compiler.is_exporting():
        return function.forward(*args)
    return _twin(function).apply(*args)


_TWINS: dict[Any, Any] = {}


def _twin(function: Any) -> Any:
    if function not in _TWINS:

        def forward(ctx: Any, *args: Any) -> Any:
            output = owned(function.forward(*args))
            function.setup_context(ctx, args, output)
            return output

        members = {
            "forward": staticmethod(forward),
            "backward": staticmethod(function.backward),
            "jvp": staticmethod(function.jvp),
        }
        _TWINS[function] = type(function.__name__, (torch.autograd.Function,), members)
    return _TWINS[function]


def owned(y: torch.Tensor) -> torch.Tensor:
    """The same memory as a tensor of its own: autograd forbids writing to a function's view."""
    followed = torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0
    if y._base is None or followed:
        return y
    if is_in_torch_dispatch_mode():
        view: torch.Tensor = torch.ops.aten._unsafe_view(y, y.shape)
        return view
    return y.new_empty(0).set_(y)  # type: ignore[call-overload, no-any-return]


def opaque(function: Callable[P, R]) -> Callable[P, R]:
    """The function as one whole, into which nobody looks.

    `torch.compile` would see operations, not kernels, and leaves it as it is. Modes of
    `torch.overrides` are asked for each attribute of each tensor, which takes longer than a small
    kernel, and are not asked.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if torch.compiler.is_dynamo_compiling():
            return _disabled(function)(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            return function(*args, **kwargs)

    return call


def _disabled(function: Callable[P, R]) -> Callable[P, R]:
    disabled: Callable[P, R] = torch.compiler.disable(function)
    return disabled


def check_unbatched() -> None:
    """That a backward is not asked for many gradients at once by PyTorch's older vmap.

    Raises:
        RuntimeError: it is.
    """
    level = torch._C._vmapmode_increment_nesting()
    torch._C._vmapmode_decrement_nesting()
    if level > 1:
        raise RuntimeError(
            "passband has no batched gradients of is_grads_batched=True and vectorize=True: use "
            "torch.func.jacrev, torch.func.vmap or one gradient at a time"
        )


def check_followed(name: str) -> None:
    """That no function transform follows what has a backward alone, and nothing traces it.

    Raises:
        RuntimeError: one does.
    """
    if torch._C._get_tracing_state() is not None:
        raise RuntimeError(f"{name}: torch.jit.trace cannot follow spectra: use torch.export")
    if torch._C._are_functorch_transforms_active():
        raise RuntimeError(
            f"{name}: there are no function transforms of spectra (torch.func): use backward, "
            f"or passband.nn.BandConv2d, which has them"
        )


def first_order(backward: Callable[..., R]) -> Callable[..., R]:
    """A backward of which there is none in turn: it holds too little, and says so when asked."""

    @wraps(backward)
    def once(ctx: Any, *grads: Any) -> R:
        check_unbatched()
        if torch.is_grad_enabled():
            raise RuntimeError(
                "spectra hold too little for gradients of gradients: without create_graph=True, or "
                "with passband.nn.BandConv2d, which has them"
            )
        return backward(ctx, *grads)

    return once
