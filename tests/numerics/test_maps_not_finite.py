"""Where a NaN or an infinity of a map, a filter or a gradient goes, and where it never goes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband.functional.plan import PlanName

WAYS: list[PlanName] = ["auto", "fft", "dft", "spatial", "fused"]
VALUES = [float("nan"), float("inf"), -float("inf")]
SHAPES = {1: (9,), 2: (9, 8), 3: (5, 6, 4)}


def pair(dims: int, way: PlanName, keep: float, *, transposed: bool, groups: int = 1) -> Any:
    """Our layer and PyTorch's, with the same parameters."""
    name = f"Conv{'Transpose' if transposed else ''}{dims}d"
    ours = getattr(pb.nn, f"Band{name}")(4, 4, 3, padding=1, keep=keep, plan=way, groups=groups)
    plain = getattr(nn, name)(4, 4, 3, padding=1, groups=groups)
    plain.load_state_dict(ours.state_dict())
    return ours, plain


def run(layer: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    """The result, and the gradients of map, weight and bias."""
    x = x.clone().requires_grad_()
    y = layer(x)
    generator = torch.Generator().manual_seed(1)
    g = torch.randn(y.shape, generator=generator)
    return y, *torch.autograd.grad(y, [x, *layer.parameters()], g)


def spoilt(dims: int, value: float) -> Tensor:
    """Three samples of four channels, one number of sample 1, channel 1 not finite."""
    x = torch.randn(3, 4, *SHAPES[dims])
    x[(1, 1, *(2,) * dims)] = value
    return x


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("way", ["auto", "spatial"])
def test_the_whole_band_puts_it_where_pytorch_does(
    dims: int, transposed: bool, value: float, way: PlanName
) -> None:
    ours, plain = pair(dims, way, 1.0, transposed=transposed)
    x = spoilt(dims, value)
    for found, wanted in zip(run(ours, x), run(plain, x), strict=True):
        assert torch.equal(found.isfinite(), wanted.isfinite())
    with torch.no_grad():
        for layer in (ours, plain):
            layer.weight[1, 2] = value
    x = torch.randn(x.shape)
    for found, wanted in zip(run(ours, x), run(plain, x), strict=True):
        assert torch.equal(found.isfinite(), wanted.isfinite())


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("way", WAYS)
def test_a_narrower_band_spreads_it_over_the_sample_and_no_further(
    dims: int, transposed: bool, value: float, way: PlanName
) -> None:
    ours, _ = pair(dims, way, 0.5, transposed=transposed, groups=2)
    y, of_map, of_weight, of_bias = run(ours, spoilt(dims, value))
    assert not y[1, :2].isfinite().any()
    assert y[1, 2:].isfinite().all()  # of the other group
    assert y[[0, 2]].isfinite().all()
    assert of_map.isfinite().all()
    assert of_bias.isfinite().all()
    touched = of_weight[1] if transposed else of_weight[:2, 1]
    assert not touched.isfinite().any()
    assert (~of_weight.isfinite()).sum() == touched.numel()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", VALUES)
def test_of_a_filter_it_is_in_its_channels(way: PlanName, value: float) -> None:
    ours, _ = pair(2, way, 0.5, transposed=False)
    with torch.no_grad():
        ours.weight[2, 1, 0, 0] = value
    y, of_map, of_weight, of_bias = run(ours, torch.randn(3, 4, 9, 8))
    assert not y[:, 2].isfinite().any()
    assert y[:, [0, 1, 3]].isfinite().all()
    assert not of_map[:, 1].isfinite().any()
    assert of_map[:, [0, 2, 3]].isfinite().all()
    assert of_weight.isfinite().all()
    assert of_bias.isfinite().all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", VALUES)
def test_of_a_gradient_it_is_in_its_sample_and_in_the_weights(way: PlanName, value: float) -> None:
    ours, _ = pair(2, way, 0.5, transposed=False)
    x = torch.randn(3, 4, 9, 8, requires_grad=True)
    y = ours(x)
    g = torch.randn_like(y)
    g[1, 3, 4, 4] = value
    of_map, of_weight, of_bias = torch.autograd.grad(y, [x, ours.weight, ours.bias], g)
    assert not of_map[1].isfinite().any()
    assert of_map[[0, 2]].isfinite().all()
    assert not of_weight[3].isfinite().any()
    assert of_weight[:3].isfinite().all()
    assert of_bias.isfinite().tolist() == [True, True, True, False]


@pytest.mark.parametrize("policy", ["exact", "bf16", "unchanged_forward"])
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("activation", [nn.ReLU, nn.SiLU, nn.Hardtanh])
def test_no_policy_loses_it(policy: str, value: float, activation: type[nn.Module]) -> None:
    """What is held in fewer bits may spread it, over a group of 64 numbers; never the reverse."""
    plain, ours = (
        nn.Sequential(
            nn.Conv2d(4, 8, 3, padding=1), nn.BatchNorm2d(8), activation(), nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, padding=1), activation(), nn.Conv2d(8, 4, 3, padding=1),
        ).eval()
        for _ in range(2)
    )  # fmt: skip
    ours.load_state_dict(plain.state_dict())
    pb.convert_(plain, pb.Band(keep=0.5))
    pb.convert_(ours, pb.Band(keep=0.5), memory=getattr(pb.MemoryPolicy, policy)())
    x = spoilt(2, value)
    for found, wanted in zip(run(ours, x), run(plain, x), strict=True):
        assert not (found.isfinite() & ~wanted.isfinite()).any()
