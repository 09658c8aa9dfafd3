"""Bytes that autograd holds for backward, counted where it takes hold of them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name

from passband import functional
from passband.memory.handlers import HANDLERS, Function

_Owner = TypeVar("_Owner")
_CONV = {F.conv1d, F.conv2d, F.conv3d} | {
    F.conv_transpose1d,
    F.conv_transpose2d,
    F.conv_transpose3d,
}
_BAND_CONV = {getattr(functional, name) for name in dir(functional) if name.startswith("band_conv")}
_NORM = {
    F.batch_norm, F.group_norm, F.instance_norm, F.layer_norm, F.local_response_norm, F.rms_norm,
    torch.batch_norm, torch.group_norm, torch.instance_norm, torch.layer_norm,
}  # fmt: skip
_ACTIVATION = {
    F.celu, F.elu, F.gelu, F.glu, F.hardsigmoid, F.hardswish, F.hardtanh, F.leaky_relu,
    F.logsigmoid, F.mish, F.prelu, F.relu, F.relu6, F.rrelu, F.selu, F.sigmoid, F.silu, F.softplus,
    F.softsign, F.softshrink, F.hardshrink, F.tanhshrink, F.tanh, F.threshold, torch.atan,
    torch.relu, torch.relu_, torch.sigmoid, torch.tanh,
    Tensor.relu, Tensor.relu_, Tensor.sigmoid, Tensor.tanh,
}  # fmt: skip
_OF_PYTORCH: Mapping[Function | None, str] = (
    dict.fromkeys(_CONV | _BAND_CONV, "conv input")
    | dict.fromkeys(_NORM, "norm")
    | dict.fromkeys(_ACTIVATION, "activation")
)
_KINDS: Mapping[Function | None, str] = {
    **_OF_PYTORCH,
    **{handler: _OF_PYTORCH[f] for f, handler in HANDLERS.items() if f in _OF_PYTORCH},
}


@dataclass(frozen=True)
class SavedBytes:
    """Bytes that autograd holds, of distinct storages, parameters excluded.

    Attributes:
        by_kind: bytes by the operation that took hold of a storage first: `"conv input"`,
            `"norm"`, `"activation"` and `"other"`.
    """

    by_kind: Mapping[str, int] = field(hash=False)

    @property
    def total(self) -> int:
        """All bytes."""
        return sum(self.by_kind.values())

    def __str__(self) -> str:
        parts = ", ".join(f"{kind} {readable(count)}" for kind, count in self.by_kind.items())
        return f"{readable(self.total)} ({parts})"


def readable(count: int) -> str:
    """Bytes in MiB, or in KiB if there are fewer."""
    return f"{count / 2**20:.2f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"


def saved(fn: Callable[[], Any]) -> SavedBytes:
    """Bytes that autograd holds after `fn()`, while what it returned is still alive.

    Each storage counts once, whole, for the operation that took hold of it first: the output of a
    ReLU, say, counts as `"activation"`, though the next convolution holds it too. So a batch that
    is a view of a data set counts as all of it: clone it. Parameters do not count, nor does what
    the graph let go before `fn` returned. The figure does not depend on the device or the
    allocator. What an operation keeps beside autograd's saved tensors is not seen.

    Args:
        fn: runs a forward pass and returns what keeps its graph alive, usually the loss.

    Examples:
        >>> x, w = torch.zeros(1, 4, 16, 16), torch.nn.Parameter(torch.zeros(4, 4, 3, 3))
        >>> saved(lambda: torch.nn.functional.conv2d(x, w)).by_kind["conv input"]  # 4·4·16·16
        4096
    """
    sizes = dict.fromkeys(("conv input", "norm", "activation", "other"), 0)
    for function, count in _by_function(fn).items():
        sizes[_KINDS.get(function, "other")] += count
    return SavedBytes(sizes)


def left_alone(fn: Callable[[], Any]) -> dict[str, int]:
    """Bytes held by functions that memory policies do not know, by name, most first.

    Args:
        fn: as in `saved`.
    """
    known = set(HANDLERS.values())
    counts = {_name(f): count for f, count in _by_function(fn).items() if f not in known and count}
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _name(function: Function | None) -> str:
    return "autograd.Function" if function is None else resolve_name(function) or str(function)


def _by_function(fn: Callable[[], Any]) -> dict[Function | None, int]:
    """Bytes that each function took hold of first; None where no function was seen."""
    running = _Running()
    with running:
        return counted(fn, lambda: running.function)


def counted(fn: Callable[[], Any], owner: Callable[[], _Owner]) -> dict[_Owner, int]:
    """Bytes that autograd holds after `fn()`, as in `saved`, by who took hold of them first.

    Args:
        fn: as in `saved`.
        owner: says whose a tensor is, at the moment when it is taken hold of.
    """
    held: weakref.WeakSet[_Held[_Owner]] = weakref.WeakSet()
    order = 0

    def pack(t: Tensor) -> _Held[_Owner]:
        nonlocal order
        order += 1
        entry = _Held(t, owner(), order)
        held.add(entry)
        return entry

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda entry: entry.tensor):
        result = fn()
    seen: set[int] = set()
    counts: dict[_Owner, int] = {}
    for entry in sorted(held, key=lambda e: e.order):
        storage = entry.tensor.untyped_storage()
        if not entry.parameter and storage._cdata not in seen:
            seen.add(storage._cdata)
            counts[entry.owner] = counts.get(entry.owner, 0) + storage.nbytes()
    del result
    return counts


class _Held(Generic[_Owner]):
    """A tensor that autograd holds; it lives as long as the graph wants it."""

    def __init__(self, tensor: Tensor, owner: _Owner, order: int) -> None:
        self.tensor, self.owner, self.order = tensor.detach(), owner, order
        base = tensor if tensor._base is None else tensor._base
        self.parameter = isinstance(base, nn.Parameter)


class _Running(TorchFunctionMode):
    """Knows the outermost function that is running."""

    function: Function | None = None

    def __torch_function__(
        self,
        func: Function,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        before, self.function = self.function, func
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.function = before
