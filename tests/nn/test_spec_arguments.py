"""What spectral layers are made with, and what they say of what they cannot be made with."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import passband as pb
from passband.functional import to_space, to_spectrum
from passband.nn import (
    SpecBlock1d,
    SpecBlock2d,
    SpecConv2d,
    SpectralActivation,
    SpectralBatchNorm,
    Threshold,
    ToSpace,
    ToSpectrum,
)
from spectra import F32, maps

BLOCK: dict[str, Any] = {"beta": 0.5}
WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "beta negative": (lambda: SpecBlock2d(3, 4, 3, beta=-1.0), ValueError, "-1.0"),
    "beta nan": (lambda: SpecBlock2d(3, 4, 3, beta=math.nan), ValueError, "nan"),
    "beta word": (lambda: SpecBlock2d(3, 4, 3, beta="1"), TypeError, "'1'"),  # type: ignore[arg-type]
    "no beta": (lambda: SpecBlock2d(3, 4, 3), TypeError, "beta"),  # type: ignore[call-arg]
    "store": (lambda: SpecBlock2d(3, 4, 3, beta=1, store="int4"), ValueError, "bfloat16.*int4"),  # type: ignore[arg-type]
    "activation": (lambda: SpecBlock2d(3, 4, 3, **BLOCK, activation="gelu"), ValueError, "tanh"),
    "hardtanh in eight bits": (
        lambda: SpecBlock2d(3, 4, 3, **BLOCK, activation="hardtanh", store="int8"),
        ValueError, "'hardtanh' jumps.*store='exact'.*'int8'",
    ),
    "relu in sixteen bits": (
        lambda: SpecBlock1d(3, 4, 3, **BLOCK, activation="relu-tanh", store="bfloat16"),
        ValueError, "'relu-tanh' jumps",
    ),
    "groups": (lambda: SpecBlock2d(3, 4, 3, **BLOCK, groups=2), ValueError, "groups"),
    "a stride": (lambda: SpecConv2d(3, 4, 3, stride=2), TypeError, "keyword argument 'stride'"),  # type: ignore[call-arg]
    "padding": (lambda: SpecConv2d(3, 4, 3, padding=1), TypeError, "keyword argument 'padding'"),  # type: ignore[call-arg]
    "norm": (lambda: ToSpectrum(norm="Ortho"), ValueError, "Ortho"),  # type: ignore[arg-type]
    "norm of numpy": (lambda: ToSpectrum(norm="forward"), ValueError, "ortho.*forward"),  # type: ignore[arg-type]
    "margin": (lambda: ToSpectrum(-1), ValueError, "-1"),
    "margins": (lambda: ToSpectrum((1, -2)), ValueError, "-2"),
    "half margins": (lambda: ToSpectrum((1, 0.5)), TypeError, "0.5"),  # type: ignore[arg-type]
    "margin in words": (lambda: ToSpectrum("11"), TypeError, "11"),  # type: ignore[arg-type]
    "margins of series": (lambda: ToSpectrum((1, 2))(torch.zeros(1, 1, 4)), ValueError, "1, 2"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_made(case: str) -> None:
    make, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        make()


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "conv": lambda: SpecConv2d(3, 4, 3),
    "norm": lambda: SpectralBatchNorm(3),
    "threshold": lambda: Threshold(0.5),
    "activation": lambda: SpectralActivation(),
    "block": lambda: SpecBlock2d(3, 4, 3, beta=0.5),
    "to space": lambda: ToSpace(),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_map_in_place_of_its_spectrum(layer: str) -> None:
    with pytest.raises(TypeError, match=r"got Tensor; a map becomes one by nn\.ToSpectrum"):
        LAYERS[layer]()(torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize("layer", [name for name in LAYERS if name not in ("to space", "conv")])
def test_a_spectrum_in_place_of_a_map(layer: str) -> None:
    with pytest.raises(TypeError, match="Spectrum"):
        ToSpectrum()(LAYERS[layer]()(to_spectrum(torch.zeros(1, 3, 8, 8))))


def test_spectra_of_other_channels_and_axes() -> None:
    s = to_spectrum(torch.zeros(1, 2, 8, 8))
    with pytest.raises(RuntimeError, match=r"3 channels; got maps \(1, 2, 8, 8\)"):
        SpecBlock2d(3, 4, 3, beta=0.5)(s)
    with pytest.raises(RuntimeError, match="got"):
        SpectralBatchNorm(3)(s)
    with pytest.raises(RuntimeError, match="1 space axes"):
        SpecBlock1d(2, 4, 3, beta=0.5)(s)
    with pytest.raises(ValueError, match=r"does not fit \(8, 8\) points"):
        SpecBlock2d(2, 4, 9, beta=0.5)(s)


@pytest.mark.parametrize("space", [(1, 1), (1, 6), (7, 1), (5, 9), (2, 2), (31, 33)], ids=str)
def test_any_size_of_map_goes_through(space: tuple[int, ...]) -> None:
    for margin in (0, 1, (2, 3)):
        block = SpecBlock2d(3, 4, 1, beta=0.2, norm=True)
        model = nn.Sequential(ToSpectrum(margin), block, ToSpace())
        x = maps(2, 3, *space, dtype=F32).requires_grad_()
        y = model(x)
        assert y.shape == (2, 4, *space)
        assert y.isfinite().all()
        y.square().sum().backward()
        assert x.grad is not None
        assert x.grad.isfinite().all()


def test_layers_say_what_they_are() -> None:
    made = repr(nn.Sequential(
        ToSpectrum((1, 2), "backward"),
        SpecBlock2d(3, 4, (3, 5), beta=0.25, norm=True, store="int8", dilation=2, bias=False),
        ToSpace(),
    ))  # fmt: skip
    for part in (
        "ToSpectrum(margin=(1, 2), norm='backward')",
        "SpecConv2d(3, 4, kernel_size=(3, 5)",
        "dilation=(2, 2)",
        "SpectralBatchNorm(4, eps=1e-05, momentum=0.1)",
        "Threshold(beta=0.25, store='int8')",
        "SpectralActivation('tanh', store='int8')",
        "ToSpace()",
    ):
        assert part in made


def test_both_norms_of_the_transform_scale_the_threshold() -> None:
    """With L points a coefficient is √L larger without the norm."""
    x = maps(2, 3, 6, 5)
    for margin in (0, 2):
        points = (6 + margin) * (5 + margin)
        one = Threshold(0.5).double()(to_spectrum(x, margin))
        other = Threshold(0.5 * points**0.5).double()(to_spectrum(x, margin, "backward"))
        torch.testing.assert_close(to_space(one), to_space(other))


def test_a_margin_as_numpy_counts() -> None:
    layer = ToSpectrum(np.int64(2))  # type: ignore[arg-type]
    x = torch.zeros(1, 1, 4)
    assert layer(x).lengths == to_spectrum(x, np.int64(2)).lengths  # type: ignore[arg-type]


def test_an_empty_margin_is_refused() -> None:
    with pytest.raises(ValueError, match="margin"):
        ToSpectrum(())


def test_public_names_are_where_one_looks_for_them() -> None:
    for name in ("Spectrum", "set_beta_", "calibrate_beta_", "densities"):
        assert hasattr(pb, name)


def test_a_beta_of_numpy_is_a_number() -> None:
    assert Threshold(np.float32(0.5)).beta.item() == 0.5  # type: ignore[arg-type]


@pytest.mark.parametrize("beta", [math.nan, -2.0])
def test_a_beta_that_was_loaded_is_checked(beta: float) -> None:
    block = SpecBlock2d(3, 4, 3, beta=0.5)
    block.load_state_dict({**block.state_dict(), "threshold.beta": torch.tensor(beta)})
    with pytest.raises(ValueError, match=f"beta is not negative; got {beta}"):
        block(to_spectrum(torch.randn(1, 3, 6, 6)))


def test_a_beta_has_no_gradient() -> None:
    beta = torch.tensor(0.5, requires_grad=True)
    with pytest.raises(ValueError, match="a threshold has no gradient"):
        pb.functional.spectral_threshold(to_spectrum(torch.randn(1, 3, 6, 6)), beta)


def test_parts_of_a_block_may_be_others() -> None:
    torch.manual_seed(0)
    block = SpecBlock2d(3, 4, 3, beta=0.5, activation="tanh")
    spectrum = to_spectrum(torch.randn(2, 3, 6, 6))
    block.threshold = nn.Identity()  # type: ignore[assignment]
    expected = torch.tanh(block.conv(spectrum).values)
    torch.testing.assert_close(block(spectrum).values, expected)
    block.activation = nn.Identity()  # type: ignore[assignment]
    assert torch.equal(block(spectrum).values, block.conv(spectrum).values)


def test_one_value_a_channel_has_no_variance() -> None:
    norm = SpectralBatchNorm(3)
    with pytest.raises(ValueError, match="two values a channel"):
        norm(to_spectrum(torch.randn(1, 3, 1, 1)))
    assert torch.equal(norm.running_var, torch.ones(3))


@pytest.mark.parametrize("default", [torch.float64, torch.bfloat16])
def test_the_default_dtype_is_nobodys_business(default: torch.dtype) -> None:
    torch.manual_seed(0)
    norm, twin = SpectralBatchNorm(6), nn.BatchNorm2d(6)
    x = torch.randn(4, 6, 5, 7)
    torch.set_default_dtype(default)
    try:
        y = to_space(norm(to_spectrum(x)))
    finally:
        torch.set_default_dtype(torch.float32)
    torch.testing.assert_close(y, twin(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norm.running_var, twin.running_var)


@pytest.mark.parametrize("size", [7, 97, 150])
def test_bfloat16_without_autocast(size: int) -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(ToSpectrum(3), SpecBlock2d(2, 4, 3, beta=0.0, activation="identity"))
    layers.append(ToSpace())
    x = torch.randn(2, 2, size, 8)
    expected = layers(x)
    y = layers.bfloat16()(x.bfloat16())
    assert y.dtype == torch.bfloat16
    assert (y.float() - expected).norm() < 0.02 * expected.norm()
    y.float().square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layers.parameters())
