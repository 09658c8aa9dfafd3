"""The table of convolutions the tests go through, and what the oracle says of each."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

import oracle
import passband as pb
from oracle import Array, Cut, FftSize

PLANS = ["auto", "fft", "dft", "spatial"]
WAYS = ["fft", "dft", "spatial"]
FFT_SIZES: list[FftSize] = ["minimal", "fast", "reference"]
ONE_BIN = 1e-9
KEEPS = [1.0, 0.5, 0.25, ONE_BIN]


@dataclass(frozen=True)
class Case:
    """One combination of arguments."""

    name: str
    x: tuple[int, ...]
    w: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict, hash=False)
    bias: bool = True

    def __str__(self) -> str:
        return self.name

    @property
    def dims(self) -> int:
        return len(self.w) - 2

    def tensors(self, *, transposed: bool = False) -> tuple[Array, Array, Array | None]:
        rng = np.random.default_rng(sum(map(ord, self.name)))
        out = self.w[1] * self.options.get("groups", 1) if transposed else self.w[0]
        x, w = rng.standard_normal(self.x), rng.standard_normal(self.w)
        return x, w, rng.standard_normal(out) if self.bias else None


CONV = [
    # one axis
    Case("1d", (2, 3, 8), (4, 3, 3)),
    Case("1d-odd-n", (2, 3, 9), (4, 3, 3), {"padding": 1}),
    Case("1d-even-k", (2, 3, 8), (4, 3, 4), {"padding": 1}),
    Case("1d-pointwise", (2, 3, 8), (4, 3, 1)),
    Case("1d-tie", (2, 2, 10), (2, 2, 1)),  # L = 10: shares .1, .3, .5, .7, .9 and 1
    Case("1d-one-sample", (2, 3, 1), (4, 3, 1)),
    Case("1d-one-sample-padded", (2, 3, 1), (4, 3, 5), {"padding": 2}),
    Case("1d-two-samples", (2, 2, 2), (2, 2, 2), {"padding": 1}),
    Case("1d-kernel-longer-than-map", (2, 3, 4), (2, 3, 7), {"padding": 3}),
    Case("1d-padding-longer-than-map", (1, 2, 3), (2, 2, 3), {"padding": 5}),
    Case("1d-padding-beyond-kernel-strided", (1, 2, 5), (2, 2, 2), {"padding": 4, "stride": 3}),
    Case("1d-stride", (2, 3, 10), (4, 3, 3), {"stride": 2, "padding": 1}),
    Case("1d-stride-not-dividing", (2, 3, 11), (4, 3, 4), {"stride": 3, "padding": 2}),
    Case("1d-stride-above-kernel", (2, 3, 13), (4, 3, 2), {"stride": 5}),
    Case("1d-stride-leaves-one", (2, 3, 7), (4, 3, 3), {"stride": 9, "padding": 1}),
    Case("1d-dilation", (2, 3, 12), (4, 3, 3), {"dilation": 3, "padding": 3}),
    Case("1d-dilation-beyond-map", (2, 2, 5), (2, 2, 3), {"dilation": 4, "padding": 6}),
    Case("1d-stride-dilation", (2, 3, 12), (4, 3, 4), {"stride": 2, "dilation": 2, "padding": 2}),
    Case("1d-groups", (2, 4, 8), (6, 2, 3), {"groups": 2, "padding": 1}),
    Case("1d-depthwise", (2, 4, 9), (4, 1, 3), {"groups": 4, "padding": 1}),
    Case("1d-depthwise-multiplier", (2, 3, 8), (6, 1, 3), {"groups": 3, "stride": 2}),
    Case("1d-same-odd", (2, 3, 8), (4, 3, 3), {"padding": "same"}),
    Case("1d-same-even", (2, 3, 8), (4, 3, 4), {"padding": "same"}),
    Case("1d-same-even-dilated", (2, 3, 9), (4, 3, 2), {"padding": "same", "dilation": 3}),
    Case("1d-same-longer-than-map", (1, 2, 3), (2, 2, 8), {"padding": "same"}),
    Case("1d-valid", (2, 3, 8), (4, 3, 5), {"padding": "valid", "stride": 2}),
    Case("1d-tuples", (2, 3, 8), (4, 3, 3), {"stride": (2,), "padding": (1,), "dilation": (2,)}),
    Case("1d-no-bias", (2, 3, 8), (4, 3, 3), bias=False),
    Case("1d-unbatched", (3, 8), (4, 3, 3), {"padding": 1}),
    Case("1d-empty-batch", (0, 3, 8), (4, 3, 3), {"padding": 1}),
    Case("1d-circular", (2, 3, 8), (4, 3, 3), {"padding": 1, "padding_mode": "circular"}),
    Case("1d-circular-odd", (2, 3, 9), (4, 3, 4), {"padding": 2, "padding_mode": "circular"}),
    Case(
        "1d-circular-strided",
        (2, 3, 10),
        (4, 3, 3),
        {"padding": 1, "stride": 3, "padding_mode": "circular"},
    ),
    Case("1d-circular-same", (2, 3, 8), (4, 3, 4), {"padding": "same", "padding_mode": "circular"}),
    Case("1d-circular-unpadded", (2, 3, 8), (4, 3, 3), {"padding_mode": "circular"}),
    Case(
        "1d-circular-kernel-longer-than-map",
        (2, 2, 4),
        (2, 2, 7),
        {"padding": 3, "padding_mode": "circular"},
    ),
    Case("1d-reflect", (2, 3, 8), (4, 3, 5), {"padding": 2, "padding_mode": "reflect"}),
    Case(
        "1d-reflect-same-even",
        (2, 3, 7),
        (4, 3, 4),
        {"padding": "same", "padding_mode": "reflect"},
    ),
    Case(
        "1d-reflect-strided",
        (2, 4, 9),
        (4, 2, 3),
        {"padding": 2, "stride": 2, "groups": 2, "padding_mode": "reflect"},
    ),
    Case("1d-replicate", (2, 3, 8), (4, 3, 3), {"padding": 3, "padding_mode": "replicate"}),
    Case(
        "1d-replicate-dilated",
        (2, 3, 6),
        (4, 3, 3),
        {"padding": 2, "stride": 2, "dilation": 2, "padding_mode": "replicate"},
    ),
    # two axes
    Case("2d", (2, 3, 8, 8), (4, 3, 3, 3), {"padding": 1}),
    Case("2d-oblong", (2, 3, 7, 10), (4, 3, 3, 2), {"padding": (1, 0)}),
    Case("2d-row", (2, 2, 1, 9), (2, 2, 1, 3), {"padding": (0, 1)}),
    Case(
        "2d-stride-dilation",
        (2, 3, 9, 8),
        (4, 3, 3, 2),
        {"stride": (2, 3), "padding": (2, 1), "dilation": (1, 2)},
    ),
    Case("2d-stride", (2, 3, 8, 8), (4, 3, 3, 3), {"stride": 2, "padding": 1}),
    Case("2d-pointwise-strided", (2, 3, 8, 7), (4, 3, 1, 1), {"stride": 2}),
    Case("2d-kernel-longer-than-map", (1, 2, 2, 3), (2, 2, 5, 5), {"padding": 2}),
    Case("2d-groups", (2, 4, 6, 5), (6, 2, 3, 3), {"groups": 2, "padding": 1}),
    Case("2d-depthwise", (2, 4, 6, 6), (4, 1, 3, 3), {"groups": 4, "padding": 1, "stride": 2}),
    Case("2d-same-even", (2, 2, 6, 5), (3, 2, 4, 2), {"padding": "same"}),
    Case("2d-unbatched", (3, 6, 6), (2, 3, 3, 3), {"padding": 1}, bias=False),
    Case("2d-empty-batch", (0, 3, 6, 6), (2, 3, 3, 3), {"padding": 1, "stride": 2}),
    Case(
        "2d-circular",
        (2, 3, 6, 7),
        (2, 3, 3, 4),
        {"padding": (1, 2), "padding_mode": "circular", "stride": (1, 2)},
    ),
    Case("2d-reflect", (2, 3, 6, 5), (2, 3, 3, 3), {"padding": (1, 2), "padding_mode": "reflect"}),
    Case(
        "2d-replicate",
        (2, 3, 6, 5),
        (2, 3, 3, 3),
        {"padding": (0, 2), "padding_mode": "replicate", "stride": 2},
    ),
    # three axes
    Case("3d", (2, 2, 4, 5, 6), (3, 2, 3, 3, 3), {"padding": 1}),
    Case(
        "3d-everything",
        (1, 4, 5, 4, 6),
        (2, 2, 2, 3, 1),
        {"stride": (2, 1, 3), "padding": (1, 2, 0), "dilation": (2, 1, 1), "groups": 2},
    ),
    Case("3d-same-even", (1, 2, 3, 4, 5), (2, 2, 2, 3, 4), {"padding": "same"}),
    Case("3d-depthwise-unbatched", (3, 4, 4, 4), (3, 1, 3, 3, 3), {"groups": 3, "stride": 2}),
    Case(
        "3d-circular",
        (1, 2, 4, 3, 5),
        (2, 2, 3, 3, 2),
        {"padding": 1, "padding_mode": "circular", "stride": (1, 2, 2)},
    ),
    Case(
        "3d-replicate",
        (1, 2, 3, 4, 3),
        (2, 2, 3, 2, 2),
        {"padding": (1, 0, 2), "padding_mode": "replicate"},
    ),
    Case("3d-reflect", (1, 2, 4, 3, 4), (2, 2, 3, 3, 2), {"padding": 1, "padding_mode": "reflect"}),
]

TRANSPOSED = [
    Case("1d", (2, 3, 6), (3, 4, 3)),
    Case("1d-padding", (2, 3, 7), (3, 4, 3), {"padding": 1}),
    Case("1d-stride", (2, 3, 5), (3, 4, 4), {"stride": 2, "padding": 1}),
    Case("1d-gaps", (2, 3, 4), (3, 2, 2), {"stride": 5, "padding": 1}),
    Case("1d-output-padding", (2, 3, 5), (3, 4, 3), {"stride": 3, "output_padding": 2}),
    Case(
        "1d-output-padding-beyond-padding",
        (2, 3, 4),
        (3, 2, 3),
        {"stride": 4, "padding": 1, "output_padding": 3},
    ),
    Case("1d-output-padding-dilated", (2, 2, 4), (2, 2, 3), {"dilation": 3, "output_padding": 2}),
    Case(
        "1d-dilation", (2, 2, 5), (2, 3, 3), {"dilation": 2, "stride": 2, "padding": 2}, bias=False
    ),
    Case("1d-deep-padding", (1, 2, 6), (2, 2, 5), {"padding": 4}),
    Case("1d-one-sample", (2, 3, 1), (3, 2, 3)),
    Case("1d-groups", (2, 4, 6), (4, 3, 3), {"groups": 2, "padding": 1}),
    Case("1d-depthwise", (2, 3, 6), (3, 1, 4), {"groups": 3, "stride": 2}),
    Case("1d-tuples", (2, 3, 5), (3, 2, 3), {"stride": (2,), "padding": (1,), "dilation": (2,)}),
    Case("1d-unbatched", (3, 5), (3, 2, 3), {"stride": 2, "output_padding": 1}),
    Case("1d-empty-batch", (0, 3, 5), (3, 2, 3), {"stride": 2}),
    Case(
        "2d",
        (2, 3, 4, 5),
        (3, 2, 3, 2),
        {"stride": (2, 3), "padding": (1, 0), "output_padding": (1, 2)},
    ),
    Case("2d-dilation", (1, 2, 3, 4), (2, 3, 2, 3), {"dilation": (3, 1), "stride": (1, 2)}),
    Case("2d-depthwise", (2, 4, 4, 3), (4, 1, 3, 3), {"groups": 4, "stride": 2, "padding": 1}),
    Case("2d-unbatched", (2, 4, 3), (2, 2, 2, 2), {"stride": 2}, bias=False),
    Case(
        "3d",
        (1, 2, 3, 2, 3),
        (2, 2, 3, 2, 2),
        {"stride": (2, 1, 2), "padding": (1, 0, 1), "output_padding": (1, 0, 0)},
    ),
    Case("3d-groups", (1, 4, 2, 3, 2), (4, 1, 2, 2, 3), {"groups": 2, "dilation": (1, 2, 1)}),
]

# torch.fft refuses an empty batch, finite differences have nothing to perturb in one.
FILLED, FILLED_TRANSPOSED = (
    [case for case in table if 0 not in case.x] for table in (CONV, TRANSPOSED)
)
STRIDED = [case for case in CONV if case.options.get("stride", 1) != 1]


def named(table: list[Case], *names: str) -> list[Case]:
    found = {case.name: case for case in table}
    return [found[name] for name in names]


def function(case: Case, *, transposed: bool = False) -> Callable[..., Tensor]:
    name = f"band_conv{'_transpose' if transposed else ''}{case.dims}d"
    found: Callable[..., Tensor] = getattr(pb.functional, name)
    return found


def band_of(cut: Cut) -> pb.Band:
    return pb.Band(keep=cut.keep, cutoff=cut.cutoff, modes=cut.modes, fft_size=cut.fft_size)


def leaf(a: Array | None, dtype: torch.dtype = torch.float64) -> Tensor | None:
    return None if a is None else torch.from_numpy(a.copy()).to(dtype).requires_grad_()


def close(
    actual: Tensor | None,
    expected: Array | None,
    what: str,
    tolerance: float = 1e-10,
    dtype: torch.dtype = torch.float64,
) -> None:
    """Equal to `tolerance` of the largest value expected."""
    if expected is None:
        assert actual is None, f"{what}: there should be none"
        return
    assert actual is not None, f"{what}: there is none"
    assert tuple(actual.shape) == expected.shape, f"{what}: {actual.shape} for {expected.shape}"
    assert actual.dtype == dtype, f"{what}: {actual.dtype}"
    error = np.abs(actual.detach().double().numpy() - expected).max(initial=0.0)
    scale = max(np.abs(expected).max(initial=0.0), 1e-3)
    assert error <= tolerance * scale, f"{what}: off by {error:.2e} of {scale:.2e}"


def cotangent(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(math.prod(shape)).standard_normal(shape)


@functools.cache
def output_shape(case: Case, transposed: bool) -> tuple[int, ...]:
    """The oracle's, which no band and no way to stride changes."""
    op = oracle.conv_transpose if transposed else oracle.conv
    return op(*case.tensors(transposed=transposed), cut=Cut(modes=1), **case.options).y.shape


@functools.cache
def _expected(case: Case, cut: Cut, transposed: bool, stride_mode: str) -> oracle.Result:
    x, w, b = case.tensors(transposed=transposed)
    seed = cotangent(output_shape(case, transposed))
    if transposed:
        return oracle.conv_transpose(x, w, b, seed, cut=cut, **case.options)
    return oracle.conv(x, w, b, seed, cut=cut, stride_mode=stride_mode, **case.options)


def expected(
    case: Case, cut: Cut, *, transposed: bool = False, stride_mode: str = "sample"
) -> oracle.Result:
    """The oracle's value, and its gradients for `cotangent`; computed once a process."""
    return _expected(case, cut, transposed, stride_mode)


def assert_as_oracle(
    case: Case,
    cut: Cut,
    plan: str,
    *,
    transposed: bool = False,
    stride_mode: str = "sample",
    band: pb.Band | None = None,
    dtype: torch.dtype = torch.float64,
    tolerance: float = 1e-10,
) -> None:
    """Value and every gradient of the library against the oracle's, by `band` or the cut itself."""
    near = functools.partial(close, tolerance=tolerance, dtype=dtype)
    wanted = expected(case, cut, transposed=transposed, stride_mode=stride_mode)
    x, w, b = (leaf(a, dtype) for a in case.tensors(transposed=transposed))
    options = dict(case.options) if transposed else {**case.options, "stride_mode": stride_mode}
    op = function(case, transposed=transposed)
    y = op(x, w, b, **options, band=band or band_of(cut), plan=plan)
    near(y, wanted.y, "y")
    y.backward(torch.from_numpy(cotangent(wanted.y.shape)).to(dtype))
    assert x is not None
    assert w is not None
    near(x.grad, wanted.dx, "dx")
    near(w.grad, wanted.dw, "dw")
    if b is not None:
        near(b.grad, wanted.db, "db")


def bound(
    case: Case, keep: float, plan: str, *, transposed: bool = False, **options: str
) -> Callable[..., Tensor]:
    """The library's function with every argument of the case but the tensors."""
    op = function(case, transposed=transposed)
    return functools.partial(op, **case.options, **options, band=pb.Band(keep=keep), plan=plan)


def inputs(case: Case, *, transposed: bool = False) -> tuple[Tensor, ...]:
    """Input, weight and, where the case has one, bias."""
    leaves = (leaf(a) for a in case.tensors(transposed=transposed))
    return tuple(t for t in leaves if t is not None)
