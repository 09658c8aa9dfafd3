"""SpecNet: extreme thresholds, and what is not finite is neither dropped nor made finite."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import passband as pb
from passband import functional as F
from passband.kernels import cpu as compiled
from passband.packing.sparse import Store

INF, NAN = float("inf"), float("nan")
DTYPES = [torch.float32, torch.bfloat16, torch.float64]
STORES: list[Store] = ["exact", "bfloat16", "int8"]


@pytest.fixture(params=["compiled", "composed"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With compiled kernels, and without."""
    if request.param == "composed":
        for name in ("settles", "is_spectrum", "reads"):
            monkeypatch.setattr(compiled, name, lambda *given: False)


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("power", [-110, -60, 0, 60, 110])
@pytest.mark.parametrize("as_tensor", [False, True])
def test_a_threshold_is_the_same_at_every_scale(
    dtype: torch.dtype, power: int, as_tensor: bool
) -> None:
    """Powers of two change no digit: squares of 2^±110 are beyond float32, and magnitudes not."""
    values = torch.randn(13, 2, 3, 4).to(dtype)
    values[0, :, 0, 0] = torch.tensor([3.0, 4.0])  # of magnitude 5
    at_one, scale = F.spectral_threshold(pb.Spectrum(values, (5, 5), (5, 5)), 0.75), 2.0**power
    beta: float | Tensor = torch.tensor(0.75 * scale) if as_tensor else 0.75 * scale
    found = F.spectral_threshold(pb.Spectrum(values * scale, (5, 5), (5, 5)), beta)
    assert torch.equal(found.values, at_one.values * scale)
    assert 0.3 < at_one.density() < 1
    just = pb.Spectrum(values[:1, :, :1, :1] * scale, (1, 1), (1, 1))
    assert F.spectral_threshold(just, 5.0 * scale).density() == 1


@pytest.mark.usefixtures("kernels")
def test_thresholds_at_the_ends_of_the_numbers() -> None:
    values = torch.tensor([0.0, 1e-45, 1.0, 3e38, INF, NAN]).view(1, 1, 1, -1).repeat(1, 2, 1, 1)
    spectrum = pb.Spectrum(values, (1,), (1,))

    def kept(beta: float) -> list[bool]:
        found = F.spectral_threshold(spectrum, beta).values[0, 0, 0]
        return [bool(one) for one in (found != 0)]

    assert kept(0.0) == [False, True, True, True, True, True]
    assert kept(1e-44) == [False, False, True, True, True, True]
    assert kept(2e38) == [False, False, False, True, True, True]
    assert kept(INF) == [False, False, False, False, True, True]


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("activation", ["tanh", "softsign", "identity"])
def test_what_is_not_finite_stays_so(
    dtype: torch.dtype, store: Store, value: float, activation: str
) -> None:
    """Through threshold, activation and packed values, in the forward pass and in gradients."""
    first = pb.nn.SpecConv2d(3, 4, 3).to(dtype)
    second = pb.nn.SpecConv2d(4, 5, 3).to(dtype)
    x = torch.randn(3, 3, 8, 7, dtype=dtype)
    x[1, 2, 3, 4] = value
    kept = F.spectral_threshold(first(F.to_spectrum(x.requires_grad_(), 1)), 0.3, store)
    y = F.to_space(second(F.spectral_activation(kept, activation, store)))
    assert not y[1].isfinite().any()
    assert y[[0, 2]].isfinite().all()
    y.backward(torch.randn_like(y))
    assert x.grad is not None
    assert first.weight.grad is not None
    assert second.weight.grad is not None
    assert not second.weight.grad.isfinite().any()
    assert not first.weight.grad[:, 2].isfinite().any()
    if store != "int8" or activation == "identity":  # a group of 64 codes may be of two maps
        assert x.grad[[0, 2]].isfinite().all()


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("store", STORES)
def test_a_threshold_of_everything_keeps_what_is_not_finite(store: Store) -> None:
    values = torch.zeros(6, 2, 2, 3)
    values[2, 0, 1, 1], values[3, 1, 0, 2] = NAN, -INF
    found = F.spectral_threshold(pb.Spectrum(values, (10,), (10,)), 1e30, store).values
    assert torch.equal(found.isfinite(), values.isfinite())


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_a_block_of_specnet_names_it(value: float) -> None:
    """Norm, threshold and activation in one: the NaN of one sample is in its batch's statistics."""
    net = torch.nn.Sequential(
        pb.nn.ToSpectrum(margin=1), pb.nn.SpecBlock2d(2, 3, 3, beta=0.1, norm=True),
        pb.nn.SpecBlock2d(3, 2, 3, beta=0.1), pb.nn.ToSpace(),
    )  # fmt: skip
    x = torch.randn(2, 2, 6, 5)
    with torch.no_grad():
        net.get_parameter("1.conv.weight")[0, 0, 1, 1] = value
    told = r"layer '1\.conv' \(SpecConv2d\)"
    with pytest.raises(FloatingPointError, match=told), pb.analysis.check_finite(net):
        net(x)
    assert not net(x).isfinite().any()
