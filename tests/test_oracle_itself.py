"""The oracle beside PyTorch, beside the same definitions by FFT, and beside the papers."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import torch
import torch.nn.functional as F
from torch import Tensor

import oracle
import passband as pb
from cases import (
    CONV,
    FFT_SIZES,
    FILLED,
    FILLED_TRANSPOSED,
    KEEPS,
    ONE_BIN,
    TRANSPOSED,
    Case,
    close,
    cotangent,
    expected,
    leaf,
)
from oracle import Cut, FftSize


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
    found = iter(torch.autograd.grad(y, leaves, torch.from_numpy(cotangent(tuple(y.shape)))))
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
