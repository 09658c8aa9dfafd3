"""A scope in which every convolution is band-limited, whoever calls it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from passband import functional
from passband.band import Band
from passband.functional.arguments import check_choices
from passband.functional.plan import PlanName

_BAND_FORM: dict[Callable[..., Any], Callable[..., Tensor]] = {
    F.conv1d: functional.band_conv1d,
    F.conv2d: functional.band_conv2d,
    F.conv3d: functional.band_conv3d,
    F.conv_transpose1d: functional.band_conv_transpose1d,
    F.conv_transpose2d: functional.band_conv_transpose2d,
    F.conv_transpose3d: functional.band_conv_transpose3d,
}


def bandlimited(
    band: Band, *, pointwise: bool = False, plan: PlanName = "auto"
) -> AbstractContextManager[object]:
    """A scope in which convolutions keep a band, without changing the model.

    It catches `F.conv*` and `F.conv_transpose*`, called by a module or directly, and gives
    band-limited layers this band in place of their own. Padding that a model does in space itself
    (as `nn.Conv2d` does for circular padding) is part of the map that is transformed. Like every
    such scope of PyTorch it holds in its own thread only, does not reach what torch.jit compiled,
    and what backward computes again (activation checkpointing) is band-limited only if backward
    runs inside it too: for these, `convert_` the model.

    Args:
        band: which frequencies to keep.
        pointwise: also catch convolutions of kernel size 1.
        plan: as in `passband.functional.band_conv2d`.

    Raises:
        TypeError: band is no `Band`.
        ValueError: an unknown plan.

    Examples:
        >>> import torch
        >>> x, w = torch.randn(1, 3, 16, 16), torch.randn(4, 3, 3, 3)
        >>> with bandlimited(Band(keep=0.25)):
        ...     y = F.conv2d(x, w)
        >>> torch.equal(y, functional.band_conv2d(x, w, band=Band(keep=0.25)))
        True
    """
    check_choices("bandlimited", band, plan)
    return _Scope(band, pointwise, plan)


# Of nested scopes the innermost decides; its call passes through the outer ones.
_DECIDED: ContextVar[bool] = ContextVar("decided", default=False)


class _Scope(TorchFunctionMode):
    def __init__(self, band: Band, pointwise: bool, plan: PlanName) -> None:
        super().__init__()
        self.pointwise = pointwise
        self.setting: dict[str, Any] = {"band": band, "plan": plan}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        options = kwargs or {}
        form = func if func in _BAND_FORM.values() else _BAND_FORM.get(func)
        if form is None or _DECIDED.get():
            return func(*args, **options)
        try:
            _DECIDED.set(True)  # in here: an interrupt may come as soon as it is set
            if form is not func and not self.pointwise and _is_pointwise(args, options):
                return func(*args, **options)
            return form(*args, **(options | self.setting))
        finally:
            _DECIDED.set(False)


def _is_pointwise(args: tuple[Any, ...], options: dict[str, Any]) -> bool:
    weight = args[1] if len(args) > 1 else options.get("weight")
    return isinstance(weight, Tensor) and all(k == 1 for k in weight.shape[2:])
