"""The laws a band-limited convolution obeys, whatever computes it."""

from __future__ import annotations

import functools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import oracle
import passband as pb
from cases import CONV, FFT_SIZES, KEEPS, ONE_BIN, PLANS, WAYS, Case, bound, function, named
from oracle import Cut, FftSize

LAWS = named(
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
    op, (x, w) = bound(case, keep, plan), _plain(case)
    torch.manual_seed(0)
    other_x, other_w = torch.randn_like(x), torch.randn_like(w)
    _near(op(2 * x - 3 * other_x, w), 2 * op(x, w) - 3 * op(other_x, w))
    _near(op(x, 2 * w - 3 * other_w), 2 * op(x, w) - 3 * op(x, other_w))


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("case", LAWS, ids=str)
@pytest.mark.parametrize("plan", WAYS)
def test_batch_independence(plan: str, case: Case, keep: float) -> None:
    op, (x, w) = bound(case, keep, plan), _plain(case)
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
    op, (x, w) = bound(case, keep, plan), _plain(case)
    bias = torch.arange(1.0, w.shape[0] + 1, dtype=torch.float64)
    y = op(x, torch.zeros_like(w), bias)
    # A spectrum carries the bias in its first bin, so it is rounded once.
    torch.testing.assert_close(
        y, bias.reshape(-1, *(1,) * case.dims).expand_as(y), rtol=1e-14, atol=1e-14
    )
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
    op, (x, w) = bound(case, keep, plan), _plain(case)
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
    op, (x, w) = bound(case, keep, plan, stride_mode=stride_mode), _plain(case)
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
    op, (x, w) = bound(case, keep, plan), _plain(case)
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
