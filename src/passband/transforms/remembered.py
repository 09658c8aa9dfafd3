"""Constants of transforms that are made once, as long as there are not too many bytes of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import _lru_cache_wrapper, lru_cache, wraps
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes, is_in_torch_dispatch_mode

P = ParamSpec("P")
R = TypeVar("R")

MOST_BYTES = 128 << 20
"""Of all constants together; beyond it all are forgotten, and made again when they are needed."""
_OBJECTS = 512  # bytes of a key, or of what a tensor is beside its numbers
_caches: list[_lru_cache_wrapper[object]] = []
_held = 0


def remembered(make: Callable[P, R]) -> _lru_cache_wrapper[R]:
    """A function that makes tensors, but once for each of its arguments.

    What is found is found as fast as by `lru_cache`, which it is: nothing notes what was used last.

    Args:
        make: returns a tensor, a tuple of them, or what has such a tuple as `held`. Gradients and
            inference mode, in which it may be called, are none of its tensors' business.
    """
    unrecorded = torch.inference_mode(False)(torch.no_grad()(make))

    @wraps(make)
    def counted(*args: P.args, **kwargs: P.kwargs) -> R:
        global _held
        made = unrecorded(*args, **kwargs)
        size = _OBJECTS + _bytes_of(made)
        if _held + size > MOST_BYTES:
            forget()
        _held += size
        return made

    cached = lru_cache(maxsize=None)(counted)
    cached.__wrapped__ = unrecorded  # what a compiler looks into
    _caches.append(cached)
    return cached


def recalled(function: _lru_cache_wrapper[R], *args: Hashable) -> R:
    """What a remembered function gives, which is real also while PyTorch traces.

    But where a tracer takes no real tensors, what it gives `anew`: tensors that were made in place
    of real ones must not be met by anybody else.
    """
    if torch.compiler.is_compiling():
        return anew(function, *args)
    if not is_in_torch_dispatch_mode():
        return function(*args)
    if torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE) is not None:
        return anew(function, *args)
    with _disable_current_modes(), torch._C.DisableTorchFunction():
        return function(*args)


def anew(function: _lru_cache_wrapper[R], *args: Hashable) -> R:
    """What a remembered function makes; an exporter takes real tensors, as its constants."""
    make: Callable[..., R] = function.__wrapped__
    if not torch.compiler.is_exporting() or torch.compiler.is_dynamo_compiling():
        return make(*args)
    with _disable_current_modes(), torch._C.DisableTorchFunction():
        return make(*args)


def forget() -> None:
    """Let go of all constants that nobody uses just now."""
    global _held
    for cached in _caches:
        cached.cache_clear()
    _held = 0


def held_bytes() -> int:
    """Bytes of what is remembered, 512 of each key and tensor counted in."""
    return _held


def _bytes_of(made: object) -> int:
    if isinstance(made, Tensor):
        return _OBJECTS + made.untyped_storage().nbytes()
    parts = made if isinstance(made, tuple) else getattr(made, "held", ())
    return sum(map(_bytes_of, parts))
