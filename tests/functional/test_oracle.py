"""The band-limited convolutions against a dense numpy oracle, and the laws they must obey."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import scipy.signal
import torch
import torch.nn.functional as F
from torch import Tensor

import oracle
import passband as pb
from oracle import Array, Cut, FftSize

PLANS = ["auto", "fft", "dft", "spatial"]
WAYS = ["fft", "dft", "spatial"]
FFT_SIZES: list[FftSize] = ["minimal", "fast", "reference"]
ONE_BIN = 1e-9
KEEPS = [1.0, 0.5, 0.25, ONE_BIN]


# --- the table -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One combination of arguments."""

    name: str
    x: tuple[int, ...]
    w: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
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


# --- tools ---------------------------------------------------------------------------------------


def function(case: Case, *, transposed: bool = False) -> Callable[..., Tensor]:
    name = f"band_conv{'_transpose' if transposed else ''}{case.dims}d"
    found: Callable[..., Tensor] = getattr(pb.functional, name)
    return found


def band_of(cut: Cut) -> pb.Band:
    return pb.Band(keep=cut.keep, cutoff=cut.cutoff, modes=cut.modes, fft_size=cut.fft_size)


def leaf(a: Array | None) -> Tensor | None:
    return None if a is None else torch.from_numpy(a.copy()).requires_grad_()


def close(
    actual: Tensor | None, expected: Array | None, what: str, tolerance: float = 1e-10
) -> None:
    """Equal to `tolerance` of the largest value expected."""
    if expected is None:
        assert actual is None, what
        return
    assert actual is not None, what
    assert tuple(actual.shape) == expected.shape, what
    assert actual.dtype == torch.float64
    error = np.abs(actual.detach().numpy() - expected).max(initial=0.0)
    scale = max(np.abs(expected).max(initial=0.0), 1e-3)
    assert error <= tolerance * scale, f"{what}: off by {error:.2e} of {scale:.2e}"


@functools.cache
def _expected(index: int, transposed: bool, cut: Cut, stride_mode: str) -> oracle.Result:
    case = (TRANSPOSED if transposed else CONV)[index]
    x, w, b = case.tensors(transposed=transposed)
    if transposed:
        value = oracle.conv_transpose(x, w, b, cut=cut, **case.options).y
        return oracle.conv_transpose(x, w, b, cotangent(value), cut=cut, **case.options)
    options = {**case.options, "stride_mode": stride_mode}
    value = oracle.conv(x, w, b, cut=cut, **options).y
    return oracle.conv(x, w, b, cotangent(value), cut=cut, **options)


def expected(
    case: Case, cut: Cut, *, transposed: bool = False, stride_mode: str = "sample"
) -> oracle.Result:
    table = TRANSPOSED if transposed else CONV
    return _expected(table.index(case), transposed, cut, stride_mode)


def cotangent(like: Array) -> Array:
    return np.random.default_rng(like.size).standard_normal(like.shape)


def compare(
    case: Case, cut: Cut, plan: str, *, transposed: bool = False, stride_mode: str = "sample"
) -> None:
    """Value and every gradient of the library against the oracle's."""
    wanted = expected(case, cut, transposed=transposed, stride_mode=stride_mode)
    x, w, b = (leaf(a) for a in case.tensors(transposed=transposed))
    options = dict(case.options) if transposed else {**case.options, "stride_mode": stride_mode}
    y = function(case, transposed=transposed)(x, w, b, **options, band=band_of(cut), plan=plan)
    close(y, wanted.y, "y")
    y.backward(torch.from_numpy(cotangent(wanted.y)))  # type: ignore[no-untyped-call]
    assert x is not None
    assert w is not None
    close(x.grad, wanted.dx, "dx")
    close(w.grad, wanted.dw, "dw")
    if b is not None:
        close(b.grad, wanted.db, "db")


# --- the oracle itself ---------------------------------------------------------------------------


def _torch_conv(case: Case, x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
    """The ordinary convolution of the same arguments, by a PyTorch layer."""
    options = dict(case.options)
    channels = options.get("groups", 1) * w.shape[1]
    layer = getattr(torch.nn, f"Conv{case.dims}d")(
        channels, w.shape[0], tuple(w.shape[2:]), bias=b is not None, dtype=w.dtype, **options
    )
    if b is None:
        return torch.func.functional_call(layer, {"weight": w}, x)  # type: ignore[no-any-return]
    return torch.func.functional_call(  # type: ignore[no-any-return]
        layer, {"weight": w, "bias": b}, x
    )


def _fft_formulation(
    case: Case, cut: Cut, stride_mode: str, x: Tensor, w: Tensor, b: Tensor | None
) -> Tensor:
    """The definition another way: fftn, mask, ifftn, unroll the ring, ordinary convolution."""
    dims, options = case.dims, dict(case.options)
    kernel = w.shape[2:]
    dilations = oracle.per_axis(options.get("dilation", 1), dims)
    strides = oracle.per_axis(options.get("stride", 1), dims)
    pads = oracle.paddings(options.get("padding", 0), kernel, dilations)
    mode = options.get("padding_mode", "zeros")
    batched = x if x.ndim == dims + 2 else x[None]
    if mode in ("reflect", "replicate"):
        batched = F.pad(batched, [p for pair in reversed(pads) for p in pair], mode=mode)
        pads = [(0, 0)] * dims
    space = batched.shape[2:]
    lengths, unrolled = [], []
    for i, (left, right) in enumerate(pads):
        extent = dilations[i] * (kernel[i] - 1) + 1
        outputs = (space[i] + left + right - extent) // strides[i] + 1
        axis = oracle.Axis(space[i], kernel[i], strides[i], left, right, dilations[i], outputs)
        L = space[i] if mode == "circular" else axis.length(cut.fft_size)
        lengths.append(L)
        unrolled.append(torch.arange(-left, (outputs - 1) * strides[i] - left + extent) % L)
    spectrum = torch.fft.fftn(batched, s=lengths, dim=list(range(2, dims + 2)))
    for i, L in enumerate(lengths):
        m = cut.mode_count(L, i, dims)
        if stride_mode == "spectral":
            m = min(m, L // (2 * strides[i]) + 1)
        bins = torch.fft.fftfreq(L, d=1 / L, dtype=torch.float64).round().abs()
        mask = (bins <= m - 1).to(torch.float64)
        spectrum = spectrum * mask.reshape(-1, *(1,) * (dims - 1 - i))
    ring = torch.fft.ifftn(spectrum, dim=list(range(2, dims + 2))).real
    for i, positions in enumerate(unrolled):
        ring = ring.index_select(2 + i, positions)
    conv = getattr(F, f"conv{dims}d")
    y: Tensor = conv(ring, w, b, strides, 0, dilations, options.get("groups", 1))
    return y if x.ndim == dims + 2 else y[0]


def _gradients(y: Tensor, tensors: list[Tensor | None]) -> list[Tensor | None]:
    leaves = [t for t in tensors if t is not None]
    found = iter(torch.autograd.grad(y, leaves, torch.from_numpy(cotangent(y.detach().numpy()))))
    return [None if t is None else next(found) for t in tensors]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # PyTorch's
@pytest.mark.parametrize("case", CONV, ids=str)
def test_oracle_is_the_ordinary_convolution_at_keep_one(case: Case) -> None:
    x, w, b = (leaf(a) for a in case.tensors())
    assert x is not None
    assert w is not None
    y = _torch_conv(case, x, w, b)
    dx, dw, db = _gradients(y, [x, w, b])
    for fft_size in FFT_SIZES:
        wanted = expected(case, Cut(keep=1.0, fft_size=fft_size))
        close(y, wanted.y, "y", 1e-12)
        close(dx, wanted.dx, "dx", 1e-12)
        close(dw, wanted.dw, "dw", 1e-12)
        if b is not None:
            close(db, wanted.db, "db", 1e-12)


@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
def test_oracle_is_the_ordinary_transposed_convolution_at_keep_one(case: Case) -> None:
    x, w, b = (leaf(a) for a in case.tensors(transposed=True))
    assert x is not None
    y = getattr(F, f"conv_transpose{case.dims}d")(x, w, b, **case.options)
    dx, dw, db = _gradients(y, [x, w, b])
    for fft_size in FFT_SIZES:
        wanted = expected(case, Cut(keep=1.0, fft_size=fft_size), transposed=True)
        close(y, wanted.y, "y", 1e-12)
        close(dx, wanted.dx, "dx", 1e-12)
        close(dw, wanted.dw, "dw", 1e-12)
        if b is not None:
            close(db, wanted.db, "db", 1e-12)


@pytest.mark.parametrize("stride_mode", ["sample", "spectral"])
@pytest.mark.parametrize("fft_size", FFT_SIZES)
@pytest.mark.parametrize("case", FILLED, ids=str)
def test_oracle_agrees_with_a_masked_fft(case: Case, fft_size: FftSize, stride_mode: str) -> None:
    for keep in KEEPS:
        cut = Cut(keep=keep, fft_size=fft_size)
        x, w, b = (leaf(a) for a in case.tensors())
        assert x is not None
        assert w is not None
        y = _fft_formulation(case, cut, stride_mode, x, w, b)
        dx, dw, db = _gradients(y, [x, w, b])
        wanted = expected(case, cut, stride_mode=stride_mode)
        close(y, wanted.y, "y", 1e-12)
        close(dx, wanted.dx, "dx", 1e-12)
        close(dw, wanted.dw, "dw", 1e-12)
        if b is not None:
            close(db, wanted.db, "db", 1e-12)


@pytest.mark.parametrize("fft_size", FFT_SIZES)
@pytest.mark.parametrize("case", FILLED_TRANSPOSED, ids=str)
def test_oracle_transposed_is_a_low_passed_ring(case: Case, fft_size: FftSize) -> None:
    """The whole ordinary transposed convolution, laid round the ring, masked, cropped."""
    x, w, _ = case.tensors(transposed=True)
    dims, options = case.dims, case.options
    strides = oracle.per_axis(options.get("stride", 1), dims)
    dilations = oracle.per_axis(options.get("dilation", 1), dims)
    pads = oracle.per_axis(options.get("padding", 0), dims)
    extras = oracle.per_axis(options.get("output_padding", 0), dims)
    batched = torch.from_numpy(x if x.ndim == dims + 2 else x[None])
    whole = getattr(F, f"conv_transpose{dims}d")(
        batched,
        torch.from_numpy(w),
        stride=strides,
        dilation=dilations,
        groups=options.get("groups", 1),
    )
    for keep in KEEPS:
        cut = Cut(keep=keep, fft_size=fft_size)
        ring = whole
        for i in range(dims):
            n_in, length = batched.shape[2 + i], whole.shape[2 + i]
            n_out = length - 2 * pads[i] + extras[i]
            extent = dilations[i] * (w.shape[2 + i] - 1) + 1
            axis = oracle.Axis(
                n_out, w.shape[2 + i], strides[i], pads[i], pads[i], dilations[i], n_in
            )
            assert length == (n_in - 1) * strides[i] + extent
            L = axis.length(fft_size)
            positions = (torch.arange(length) - pads[i]) % L
            shape = [*ring.shape]
            shape[2 + i] = L
            ring = torch.zeros(shape, dtype=ring.dtype).index_add(2 + i, positions, ring)
            spectrum = torch.fft.fft(ring, dim=2 + i)
            bins = torch.fft.fftfreq(L, d=1 / L, dtype=torch.float64).round().abs()
            mask = (bins <= cut.mode_count(L, i, dims) - 1).reshape(-1, *(1,) * (dims - 1 - i))
            ring = torch.fft.ifft(spectrum * mask, dim=2 + i).real.narrow(2 + i, 0, n_out)
        plain = {name: value for name, value in options.items() if name != "bias"}
        y = oracle.conv_transpose(x, w, cut=cut, **plain).y
        close(ring if x.ndim == dims + 2 else ring[0], y, "y", 1e-12)


@pytest.mark.parametrize(
    ("L", "keep", "dims", "m"),
    [
        (5, 0.25, 2, 2),  # the design's example: 3 of 5 bins per axis
        (8, 1.0, 1, 5),  # the Nyquist bin too
        (9, 1.0, 3, 5),
        (8, ONE_BIN, 2, 1),
        (1, 0.5, 2, 1),
        (4, 0.5, 1, 2),  # a tie between one bin and three of four
        (10, 0.6, 1, 4),  # a tie in decimals that binary rounding would break
        (34, 0.5, 2, 13),
    ],
)
def test_oracle_mode_count_from_keep(L: int, keep: float, dims: int, m: int) -> None:
    assert Cut(keep=keep).mode_count(L, 0, dims) == m
    assert pb.Band(keep=keep).resolve((L,) * dims) == (m,) * dims


def test_oracle_mode_count_from_cutoff() -> None:
    for L, cutoff, m in [(100, 0.58, 30), (9, 1.0, 5), (8, 1.0, 5), (8, 0.3, 2), (5, 1e-6, 1)]:
        assert Cut(cutoff=cutoff).mode_count(L, 0, 1) == m
        assert pb.Band(cutoff=cutoff).resolve((L,)) == (m,)


@pytest.mark.parametrize(
    ("n", "label", "kept"),
    [(32, 48, 46), (16, 48, 23), (8, 48, 12), (4, 48, 6), (2, 48, 3), (32, 84, 26), (2, 84, 2)],
)
def test_oracle_reference_policy_is_the_papers(n: int, label: int, kept: int) -> None:
    """papers: N = the power of two above n + 2p + out - 1; index = int((N/2+1) sqrt(1 - c/100))."""
    axis = oracle.Axis(n, 3, 1, 1, 1, 1, n)
    L = axis.length("reference")
    assert {32: 128, 16: 64, 8: 32, 4: 16, 2: 8}[n] == L
    assert Cut(keep=1 - label / 100, fft_size="reference").mode_count(L, 0, 2) == kept


@pytest.mark.parametrize(
    ("n", "size"), [(8, 4), (9, 4), (9, 5), (8, 5), (7, 6), (6, 6), (7, 7), (16, 1), (5, 2)]
)
def test_oracle_spectral_pooling_is_scipys_resampling(n: int, size: int) -> None:
    x = np.random.default_rng(n + size).standard_normal((2, 3, n, n + 1))
    wanted = scipy.signal.resample(scipy.signal.resample(x, size, axis=2), size, axis=3)
    assert np.abs(oracle.spectral_pool(x, (size, size)) - wanted).max() < 1e-12


# --- the library against the oracle --------------------------------------------------------------


@pytest.mark.parametrize("fft_size", FFT_SIZES)
@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("case", CONV, ids=str)
@pytest.mark.parametrize("plan", PLANS)
def test_convolution(plan: str, case: Case, keep: float, fft_size: FftSize) -> None:
    compare(case, Cut(keep=keep, fft_size=fft_size), plan)


@pytest.mark.parametrize("fft_size", FFT_SIZES)
@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("case", STRIDED, ids=str)
@pytest.mark.parametrize("plan", PLANS)
def test_spectral_stride(plan: str, case: Case, keep: float, fft_size: FftSize) -> None:
    compare(case, Cut(keep=keep, fft_size=fft_size), plan, stride_mode="spectral")


@pytest.mark.parametrize("fft_size", FFT_SIZES)
@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
@pytest.mark.parametrize("plan", PLANS)
def test_transposed_convolution(plan: str, case: Case, keep: float, fft_size: FftSize) -> None:
    compare(case, Cut(keep=keep, fft_size=fft_size), plan, transposed=True)


def _named(table: list[Case], *names: str) -> list[Case]:
    found = {case.name: case for case in table}
    return [found[name] for name in names]


MANY_BANDS: list[tuple[str, Cut]] = [
    ("2d", Cut(cutoff=0.5)),
    ("2d", Cut(cutoff=(0.25, 1.0))),
    ("2d", Cut(cutoff=1.0, fft_size="fast")),
    ("2d", Cut(cutoff=1e-6, fft_size="reference")),
    ("2d-oblong", Cut(cutoff=0.5, fft_size="reference")),
    ("2d-oblong", Cut(cutoff=(0.75, 0.25))),
    ("2d", Cut(modes=1)),
    ("2d", Cut(modes=(5, 2))),  # L = 9 has 5 modes: nothing is cut on the first axis
    ("2d-oblong", Cut(modes=(1, 6))),  # L = 10 has 6: with its Nyquist bin
    ("2d-oblong", Cut(modes=(3, 5))),
    ("1d-stride-not-dividing", Cut(modes=3)),
    ("1d-stride-not-dividing", Cut(cutoff=0.9)),
    ("3d", Cut(modes=(2, 1, 3))),
    ("3d", Cut(cutoff=(0.5, 0.25, 1.0))),
    ("3d-circular", Cut(modes=2)),
    ("1d-circular", Cut(modes=5)),
    ("1d-circular", Cut(modes=4)),
    ("1d-circular", Cut(keep=0.5, fft_size="reference")),
    ("1d-reflect-strided", Cut(cutoff=0.4)),
    *(("1d-tie", Cut(keep=keep)) for keep in (0.2, 0.4, 0.6, 0.8, 0.95)),
    *(("1d", Cut(keep=keep)) for keep in (0.1, 0.3, 0.75, 0.9, 0.99, 1 / 3)),
    *(("2d", Cut(keep=keep, fft_size=size)) for keep in (0.1, 0.52, 0.9) for size in FFT_SIZES),
]


@pytest.mark.parametrize("plan", WAYS)
@pytest.mark.parametrize(("name", "cut"), MANY_BANDS)
def test_many_bands(name: str, cut: Cut, plan: str) -> None:
    (case,) = _named(CONV, name)
    compare(case, cut, plan)
    if "stride" in case.options:
        compare(case, cut, plan, stride_mode="spectral")


@pytest.mark.parametrize("plan", WAYS)
@pytest.mark.parametrize("cut", [Cut(modes=3), Cut(modes=(1, 4)), Cut(cutoff=(0.5, 0.8))], ids=str)
def test_many_bands_transposed(cut: Cut, plan: str) -> None:
    (case,) = _named(TRANSPOSED, "2d")
    compare(case, cut, plan, transposed=True)


@pytest.mark.parametrize("energy", [1e-6, 0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("fft_size", FFT_SIZES)
@pytest.mark.parametrize(
    "case",
    _named(
        CONV,
        "1d-odd-n",
        "1d-stride-not-dividing",
        "1d-circular",
        "1d-reflect-strided",
        "2d",
        "2d-oblong",
        "2d-replicate",
        "3d-everything",
    ),
    ids=str,
)
@pytest.mark.parametrize("plan", WAYS)
def test_energy_of_the_batch(plan: str, case: Case, fft_size: FftSize, energy: float) -> None:
    """A dynamic energy band is the fixed band of those modes, forward and backward."""
    x, w, b = case.tensors()
    geometry = {name: value for name, value in case.options.items() if name != "groups"}
    rings = oracle.conv_rings(x.shape[2:], w.shape[2:], fft_size, **geometry)
    modes = oracle.energy_modes(x, [inside for _, inside in rings], energy)
    cut = Cut(modes=modes, fft_size=fft_size)
    value = oracle.conv(x, w, b, cut=cut, **case.options).y
    wanted = oracle.conv(x, w, b, cotangent(value), cut=cut, **case.options)
    leaves = [leaf(a) for a in (x, w, b)]
    band = pb.Band(energy=energy, dynamic=True, fft_size=fft_size)
    y = function(case)(*leaves, **case.options, band=band, plan=plan)
    close(y, wanted.y, "y")
    y.backward(torch.from_numpy(cotangent(value)))  # type: ignore[no-untyped-call]
    for tensor, name in zip(leaves, ["dx", "dw", "db"], strict=True):
        if tensor is not None:
            close(tensor.grad, getattr(wanted, name), name)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_pointwise_every_mode_count(n: int, dims: int) -> None:
    """A kernel of one tap shows the projection itself, at every mode count an axis has."""
    case = Case(f"{dims}d", (1, 2, *(n,) * dims), (2, 2, *(1,) * dims), bias=False)
    x, w, _ = case.tensors()
    for modes, plan in itertools.product(range(1, n // 2 + 2), WAYS):
        wanted = oracle.conv(x, w, cut=Cut(modes=modes)).y
        band = pb.Band(modes=modes)
        y = function(case)(torch.from_numpy(x), torch.from_numpy(w), band=band, plan=plan)
        close(y, wanted, f"y at modes={modes} by {plan}")


# --- gradients -----------------------------------------------------------------------------------

SLOW = [
    Case("1d-slow", (1, 2, 5), (2, 1, 2), {"padding": 1, "groups": 2}),
    Case("1d-slow-strided", (2, 1, 4), (1, 1, 3), {"padding": 2, "stride": 3, "dilation": 2}),
    Case("1d-slow-circular", (1, 1, 4), (2, 1, 3), {"padding": 1, "padding_mode": "circular"}),
    Case("2d-slow", (1, 1, 3, 4), (1, 1, 2, 3), {"padding": (0, 1), "stride": (1, 2)}),
    Case("2d-slow-reflect", (1, 1, 3, 2), (1, 1, 2, 2), {"padding": 1, "padding_mode": "reflect"}),
    Case("3d-slow", (1, 1, 2, 1, 3), (1, 1, 2, 1, 2), {"padding": "same"}),
]


def _op(
    case: Case, keep: float, plan: str, *, transposed: bool = False, **options: str
) -> Callable[..., Tensor]:
    op = function(case, transposed=transposed)
    return functools.partial(op, **case.options, **options, band=pb.Band(keep=keep), plan=plan)


def _inputs(case: Case, *, transposed: bool = False) -> tuple[Tensor, ...]:
    leaves = (leaf(a) for a in case.tensors(transposed=transposed))
    return tuple(t for t in leaves if t is not None)


@pytest.mark.parametrize("case", FILLED, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_gradcheck_fast(plan: str, case: Case) -> None:
    assert torch.autograd.gradcheck(_op(case, 0.5, plan), _inputs(case), fast_mode=True)


@pytest.mark.parametrize("case", FILLED_TRANSPOSED, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_gradcheck_fast_transposed(plan: str, case: Case) -> None:
    op = _op(case, 0.5, plan, transposed=True)
    assert torch.autograd.gradcheck(op, _inputs(case, transposed=True), fast_mode=True)


@pytest.mark.parametrize("case", FILLED, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_gradgradcheck_fast(plan: str, case: Case) -> None:
    assert torch.autograd.gradgradcheck(_op(case, 0.5, plan), _inputs(case), fast_mode=True)


@pytest.mark.parametrize("case", FILLED_TRANSPOSED, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_gradgradcheck_fast_transposed(plan: str, case: Case) -> None:
    op = _op(case, 0.5, plan, transposed=True)
    assert torch.autograd.gradgradcheck(op, _inputs(case, transposed=True), fast_mode=True)


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("case", SLOW, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_gradcheck_slow(plan: str, case: Case, keep: float) -> None:
    assert torch.autograd.gradcheck(_op(case, keep, plan), _inputs(case))
    assert torch.autograd.gradgradcheck(_op(case, keep, plan), _inputs(case))


@pytest.mark.parametrize("plan", WAYS)
def test_gradcheck_spectral_stride(plan: str) -> None:
    (case,) = _named(CONV, "2d-stride-dilation")
    op = _op(case, 1.0, plan, stride_mode="spectral")
    assert torch.autograd.gradcheck(op, _inputs(case), fast_mode=True)
    assert torch.autograd.gradgradcheck(op, _inputs(case), fast_mode=True)


@pytest.mark.parametrize("keep", [1.0, 0.25])
@pytest.mark.parametrize("plan", WAYS)
def test_gradcheck_noncontiguous(plan: str, keep: float) -> None:
    """Every argument and the cotangents come with strides of their own."""
    case = Case("2d", (2, 3, 5, 4), (2, 3, 3, 2), {"padding": 1, "stride": (1, 2)})
    x, w, b = case.tensors()
    assert b is not None
    strange = (
        torch.from_numpy(x.transpose(0, 2, 3, 1).copy()).permute(0, 3, 1, 2).requires_grad_(),
        torch.from_numpy(w.transpose(3, 2, 1, 0).copy()).permute(3, 2, 1, 0).requires_grad_(),
        torch.from_numpy(np.repeat(b, 2))[::2].requires_grad_(),
    )
    assert not any(t.is_contiguous() for t in strange)
    op = _op(case, keep, plan)
    wanted = oracle.conv(x, w, b, cut=Cut(keep=keep), **case.options)
    close(op(*strange), wanted.y, "y")
    assert torch.autograd.gradcheck(op, strange, fast_mode=True)
    assert torch.autograd.gradgradcheck(
        op, strange, fast_mode=True, gen_non_contig_grad_outputs=True
    )


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("plan", WAYS)
def test_expanded_cotangent_and_input(plan: str, transposed: bool) -> None:
    case = Case("2d", (2, 2, 4, 5), (2, 2, 3, 2), {"stride": 2, "padding": 1})
    x, w, b = case.tensors(transposed=transposed)
    x = np.broadcast_to(x[:1], x.shape)
    oracle_op = oracle.conv_transpose if transposed else oracle.conv
    shape = oracle_op(x, w, b, cut=Cut(keep=0.5), **case.options).y.shape
    wanted = oracle_op(x, w, b, np.full(shape, 1.5), cut=Cut(keep=0.5), **case.options)
    one = torch.from_numpy(x[:1].copy()).requires_grad_()
    weight, bias = leaf(w), leaf(b)
    assert weight is not None
    assert bias is not None
    y = _op(case, 0.5, plan, transposed=transposed)(one.expand(*x.shape), weight, bias)
    y.backward(torch.tensor(1.5, dtype=torch.float64).expand(*shape))  # type: ignore[no-untyped-call]
    assert wanted.dx is not None
    close(one.grad, wanted.dx.sum(axis=0, keepdims=True), "dx")
    close(weight.grad, wanted.dw, "dw")
    close(bias.grad, wanted.db, "db")


@pytest.mark.parametrize("wants", [w for w in itertools.product([0, 1], repeat=3) if any(w)])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("keep", [1.0, 0.25])
@pytest.mark.parametrize("plan", WAYS)
def test_unused_gradients(
    plan: str, keep: float, transposed: bool, wants: tuple[int, int, int]
) -> None:
    """Any subset of input, weight and bias may be frozen."""
    case = Case("1d", (2, 4, 7), (4, 2, 3), {"stride": 2, "padding": 1, "groups": 2})
    arrays = case.tensors(transposed=transposed)
    oracle_op = oracle.conv_transpose if transposed else oracle.conv
    shape = oracle_op(*arrays, cut=Cut(keep=keep), **case.options).y.shape
    seed = np.random.default_rng(0).standard_normal(shape)
    wanted = oracle_op(*arrays, seed, cut=Cut(keep=keep), **case.options)
    tensors = [
        torch.from_numpy(a).requires_grad_(bool(want))
        for a, want in zip(arrays, wants, strict=True)
        if a is not None
    ]
    y = _op(case, keep, plan, transposed=transposed)(*tensors)
    y.backward(torch.from_numpy(seed))  # type: ignore[no-untyped-call]
    names = ["dx", "dw", "db"]
    for tensor, want, name in zip(tensors, wants, names, strict=True):
        close(tensor.grad, getattr(wanted, name) if want else None, name)
    op = _op(case, keep, plan, transposed=transposed)
    assert torch.autograd.gradgradcheck(op, tuple(tensors), fast_mode=True)


@pytest.mark.parametrize("plan", WAYS)
def test_nothing_requires_grad(plan: str) -> None:
    case = Case("1d", (2, 4, 7), (4, 4, 3))
    tensors = [torch.from_numpy(a) for a in case.tensors() if a is not None]
    assert not _op(case, 0.5, plan)(*tensors).requires_grad


@pytest.mark.parametrize("plan", WAYS)
def test_backward_twice_adds_up(plan: str) -> None:
    case = Case("1d", (2, 4, 7), (4, 4, 3))
    x, w, b = _inputs(case)
    y = _op(case, 0.5, plan)(x, w, b).square().sum()
    y.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    assert w.grad is not None
    once = w.grad.clone()
    y.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(w.grad, 2 * once, rtol=0, atol=0)


# --- laws ----------------------------------------------------------------------------------------

LAWS = _named(
    CONV,
    "1d-stride-not-dividing",
    "1d-same-even",
    "1d-circular-strided",
    "1d-reflect",
    "2d-depthwise",
    "2d-stride-dilation",
    "2d-replicate",
    "3d-everything",
)


def _plain(case: Case) -> tuple[Tensor, Tensor]:
    x, w, _ = case.tensors()
    return torch.from_numpy(x), torch.from_numpy(w)


def _near(actual: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(actual, wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("case", LAWS, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_linear_in_input_and_in_weight(plan: str, case: Case, keep: float) -> None:
    op, (x, w) = _op(case, keep, plan), _plain(case)
    torch.manual_seed(0)
    other_x, other_w = torch.randn_like(x), torch.randn_like(w)
    _near(op(2 * x - 3 * other_x, w), 2 * op(x, w) - 3 * op(other_x, w))
    _near(op(x, 2 * w - 3 * other_w), 2 * op(x, w) - 3 * op(x, other_w))


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("case", LAWS, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_batch_independence(plan: str, case: Case, keep: float) -> None:
    op, (x, w) = _op(case, keep, plan), _plain(case)
    torch.manual_seed(0)
    batch = torch.cat([x, torch.randn_like(x), 1e6 * torch.randn_like(x)])
    together = op(batch, w)
    for i in range(2):
        _near(together[i : i + 1], op(batch[i : i + 1], w))
        _near(together[i], op(batch[i], w))


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("case", LAWS, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_zero_weight_leaves_the_bias(plan: str, case: Case, keep: float) -> None:
    op, (x, w) = _op(case, keep, plan), _plain(case)
    bias = torch.arange(1.0, w.shape[0] + 1, dtype=torch.float64)
    y = op(x, torch.zeros_like(w), bias)
    assert torch.equal(y, bias.reshape(-1, *(1,) * case.dims).expand_as(y))
    assert torch.equal(op(x, torch.zeros_like(w)), torch.zeros_like(y))


@pytest.mark.parametrize("fft_size", FFT_SIZES)
@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize(
    "case",
    [
        Case("1d", (2, 4, 11), (6, 2, 4), {"stride": 3, "padding": 2, "groups": 2}),
        Case("1d-dilated", (2, 2, 9), (3, 2, 3), {"dilation": 3, "stride": 2, "padding": 3}),
        Case("2d", (2, 3, 7, 8), (2, 3, 3, 2), {"stride": 2, "padding": (1, 0)}),
        Case("3d", (1, 2, 4, 5, 3), (2, 2, 2, 3, 3), {"padding": (0, 1, 1), "stride": (1, 2, 1)}),
    ],
    ids=str,
)
@pytest.mark.parametrize("plan", WAYS)
def test_transposed_is_the_adjoint(plan: str, case: Case, keep: float, fft_size: FftSize) -> None:
    """<conv x, y> = <x, conv_transpose y>, the same weight on both sides."""
    x, w = _plain(case)
    band = pb.Band(keep=keep, fft_size=fft_size)
    forward = function(case)(x, w, **case.options, band=band, plan=plan)
    torch.manual_seed(0)
    y = torch.randn_like(forward)
    short = getattr(F, f"conv_transpose{case.dims}d")(y, w, **case.options).shape
    extra = tuple(n - s for n, s in zip(x.shape[2:], short[2:], strict=True))
    back = function(case, transposed=True)(
        y, w, **case.options, output_padding=extra, band=band, plan=plan
    )
    assert back.shape == x.shape
    assert math.isclose(
        float((forward * y).sum()), float((x * back).sum()), rel_tol=1e-10, abs_tol=1e-10
    )


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("plan", WAYS)
def test_shift_equivariance_when_circular(plan: str, keep: float) -> None:
    case = Case("2d", (2, 3, 7, 8), (2, 3, 3, 4), {"padding": (1, 2), "padding_mode": "circular"})
    op, (x, w) = _op(case, keep, plan), _plain(case)
    shift = (3, -2)
    # An even kernel of 4 with padding 2 gives one output more than there are positions.
    _near(op(x.roll(shift, (2, 3)), w)[..., :8], op(x, w)[..., :8].roll(shift, (2, 3)))


@pytest.mark.parametrize("stride_mode", ["sample", "spectral"])
@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("plan", WAYS)
def test_dc_is_preserved(plan: str, keep: float, stride_mode: str) -> None:
    """A constant map passes any band; at one bin only its mean does."""
    options = {"padding": 1, "padding_mode": "circular", "stride": 2}
    case = Case("2d", (2, 3, 6, 7), (2, 3, 3, 3), options)
    op, (x, w) = _op(case, keep, plan, stride_mode=stride_mode), _plain(case)
    response = w.sum(dim=(2, 3))
    y = op(torch.full_like(x, 2.5), w)
    _near(y, (2.5 * response.sum(dim=1))[:, None, None].expand_as(y))
    if keep == ONE_BIN:
        y = op(x, w)
        _near(y, (x.mean(dim=(2, 3)) @ response.T)[..., None, None].expand_as(y))


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("padding_mode", ["zeros", "circular"])
@pytest.mark.parametrize("plan", WAYS)
def test_idempotence(plan: str, padding_mode: str, keep: float) -> None:
    """A map that is band-limited already gives what the map it came from gives."""
    options = {"padding_mode": padding_mode, "stride": (2, 1)}
    case = Case("2d", (2, 3, 9, 8), (2, 3, 3, 2), options)  # without padding L is the map's size
    op, (x, w) = _op(case, keep, plan), _plain(case)
    cut = Cut(keep=keep)
    rows, columns = (
        torch.from_numpy(oracle.projection(n, cut.mode_count(n, 0, 2))) for n in (9, 8)
    )
    _near(op(rows @ x @ columns, w), op(x, w))


@pytest.mark.parametrize("plan", WAYS)
def test_more_band_is_never_further_from_plain(plan: str) -> None:
    """By orthogonality of the bins: with one tap, the error falls as the band grows."""
    case = Case("1d", (4, 1, 12), (1, 1, 1))
    x, _ = _plain(case)
    w = torch.ones(1, 1, 1, dtype=torch.float64)
    errors = [
        float((function(case)(x, w, band=pb.Band(modes=m), plan=plan) - x).norm())
        for m in range(1, 8)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-12


@pytest.mark.parametrize("plan", WAYS)
def test_spectral_stride_does_not_alias(plan: str) -> None:
    """A wave above the strided grid's Nyquist folds when sampled, and vanishes when cut first."""
    t = torch.arange(16, dtype=torch.float64)
    wave = torch.cos(2 * math.pi * 7 * t / 16).reshape(1, 1, 16)
    one = torch.ones(1, 1, 1, dtype=torch.float64)
    conv = function(Case("1d", (1, 1, 16), (1, 1, 1)))
    call = functools.partial(conv, wave, one, stride=2, band=pb.Band(keep=1.0), plan=plan)
    assert call(stride_mode="sample").abs().max() > 0.9
    assert call(stride_mode="spectral").abs().max() < 1e-12


def test_arguments_are_positional_like_torchs() -> None:
    """(x, w, bias, stride, padding, dilation, groups) and, transposed, its own order."""
    torch.manual_seed(0)
    x, w, b = (torch.randn(s, dtype=torch.float64) for s in [(2, 4, 7, 7), (6, 2, 3, 3), (6,)])
    band = pb.Band(keep=1.0)
    _near(pb.functional.band_conv2d(x, w, b, 2, 1, 2, 2, band=band), F.conv2d(x, w, b, 2, 1, 2, 2))
    w = torch.randn(4, 3, 3, 3, dtype=torch.float64)
    _near(
        pb.functional.band_conv_transpose2d(x, w, b, 3, 1, 2, 2, 2, band=band),
        F.conv_transpose2d(x, w, b, 3, 1, 2, 2, 2),
    )


@pytest.mark.parametrize("keep", [1.0, 0.5])
@pytest.mark.parametrize("plan", PLANS)
def test_same_with_an_even_kernel_is_silent(plan: str, keep: float) -> None:
    """PyTorch warns once a process that it copies; we pad by the band's own geometry."""
    case = Case("2d", (1, 2, 6, 5), (2, 2, 4, 2))
    x, w = _plain(case)
    warn_always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        function(case)(x, w, padding="same", band=pb.Band(keep=keep), plan=plan)
    finally:
        torch.set_warn_always(warn_always)
