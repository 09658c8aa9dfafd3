"""The choice of a way: what it depends on, what it says, and that it changes no result."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.fx
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import passband as pb
from passband.functional import convolution, cost, measure
from passband.functional import plan as planning
from passband.functional.cost import Prices
from passband.functional.plan import Plan, PlanName, make_plan
from passband.kernels import missing
from passband.kernels.cpu import library as loading


def plan_of(layer: nn.Module, x: torch.Tensor) -> Plan:
    assert isinstance(layer, pb.nn.BandConv1d | pb.nn.BandConv2d | pb.nn.BandConvTranspose2d)
    return layer.plan_for(x)


@pytest.mark.parametrize("way", ["fft", "dft", "spatial"])
def test_a_way_that_is_asked_for_is_taken(way: PlanName) -> None:
    layer = pb.nn.BandConv2d(3, 4, 3, keep=0.5, plan=way)
    plan = plan_of(layer, torch.zeros(2, 3, 16, 16))
    assert plan.way == way
    assert plan.reason == "asked for"
    assert str(plan).startswith(f"{way} (asked for): transform (16, 16), modes (6, 6), keep 0.458")


def test_auto_takes_the_least_of_its_estimates() -> None:
    plan = plan_of(pb.nn.BandConv2d(64, 64, 3, padding=1, keep=0.25), torch.zeros(8, 64, 32, 32))
    assert set(plan.costs) == {"fft", "dft", "spatial", *(() if missing("cpu") else ("fused",))}
    assert plan.costs[plan.way] == min(plan.costs.values())
    assert plan.geometry.lengths == (33, 33)


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Plans made anew, by whatever the test changes."""
    make_plan.cache_clear()
    yield
    make_plan.cache_clear()


@pytest.mark.usefixtures("forgetful")
def test_without_compiled_kernels_another_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_load", lambda: "they are on strike")
    layer, x = pb.nn.BandConv2d(4, 6, 3, padding=1, keep=0.25), torch.randn(2, 4, 12, 12)
    plan = plan_of(layer, x)
    assert set(plan.costs) == {"fft", "dft", "spatial"}
    found = layer(x)
    layer.plan = "dft"
    torch.testing.assert_close(found, layer(x))
    layer.plan = "measure"
    assert set(plan_of(layer, x).costs) == {"fft", "dft", "spatial"}
    layer.plan = "fused"
    expected = "plan='fused': no kernels for a map on 'cpu': they are on strike"
    for call in (layer, layer.plan_for):
        with pytest.raises(RuntimeError, match=re.escape(expected)):
            call(x)


def test_fused_needs_kernels_for_the_device() -> None:
    layer = pb.nn.BandConv1d(1, 2, 3, keep=0.5, plan="fused", device="meta")
    why = missing("meta")
    assert why is not None
    with pytest.raises(
        RuntimeError, match=re.escape(f"plan='fused': no kernels for a map on 'meta': {why}")
    ):
        layer(torch.zeros(1, 1, 9, device="meta"))


@pytest.mark.skipif(missing("cpu") is not None, reason=str(missing("cpu")))
@pytest.mark.usefixtures("forgetful")
def test_fused_is_taken_where_it_is_cheapest(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = pb.nn.BandConv2d(4, 6, 3, padding=1, keep=0.25), torch.randn(2, 4, 12, 12)
    kernels = ("launch", "sum", "tile", "panel", "pack", "moved")

    def cheap(device: str, precision: str) -> Prices:
        return {
            name: 1e-9 if name in kernels else p
            for name, p in cost.prices(device, precision).items()
        }

    monkeypatch.setattr(planning, "prices", cheap)
    plan = plan_of(layer, x)
    assert (plan.way, plan.transform, plan.filter_transform) == ("fused", "fused", "dft")
    assert plan.costs["fused"] == min(plan.costs.values())
    assert str(plan).startswith("fused (least estimated cost): transform (13, 13)")
    found = layer(x)
    layer.plan = "fused"
    assert torch.equal(found, layer(x))
    assert plan_of(layer, x).reason == "asked for"
    wide = torch.zeros(1, 4, 12, 12, dtype=torch.float64)
    plan = plan_of(layer.double(), wide)
    assert "fused" not in plan.costs
    assert plan.reason == "asked for; by PyTorch's operations, since no kernel takes such maps"


@pytest.mark.skipif(missing("cpu") is not None, reason=str(missing("cpu")))
@pytest.mark.parametrize(
    ("inputs", "outputs", "kernel", "size"),
    [(3, 64, 3, 32), (3, 64, 7, 112), (1, 6, 5, 28)],
    ids=["colour", "wide", "grey"],
)
def test_a_stem_is_not_computed_in_space(inputs: int, outputs: int, kernel: int, size: int) -> None:
    """Measured to be up to twice as slow, forward and backward."""
    layer = pb.nn.BandConv2d(inputs, outputs, kernel, padding=kernel // 2, keep=0.5)
    assert plan_of(layer, torch.zeros(32, inputs, size, size)).way == "fused"


@pytest.mark.skipif(missing("cpu") is not None, reason=str(missing("cpu")))
@pytest.mark.parametrize(("channels", "size"), [(64, 32), (128, 16), (256, 8), (512, 4)])
def test_one_image_through_a_frozen_layer_is_not_computed_in_space(
    channels: int, size: int
) -> None:
    """Measured to be two to four times as slow."""
    layer = pb.nn.BandConv2d(channels, channels, 3, padding=1, keep=0.25)
    layer.freeze()
    with torch.no_grad():
        assert plan_of(layer, torch.zeros(1, channels, size, size)).way == "fused"


def test_a_long_filter_is_not_computed_in_space() -> None:
    plan = plan_of(pb.nn.BandConv1d(64, 64, 1024, keep=0.5), torch.zeros(8, 64, 8192))
    assert plan.way == "fft"


@pytest.mark.parametrize(("channels", "transform"), [(1, "fft"), (64, "dft")])
def test_a_matrix_for_filters_is_made_for_many_of_them_only(channels: int, transform: str) -> None:
    """Of 4 M numbers, for one filter, it took fifteen times as long as the whole does now."""
    plan = plan_of(
        pb.nn.BandConv1d(channels, channels, 256, padding=128, keep=0.5, plan="fft"),
        torch.zeros(8, channels, 16384 if channels == 1 else 512),
    )
    assert plan.filter_transform == transform


def test_blocks_of_maps_that_leave_a_thread_idle_cost_no_less() -> None:
    """A compiled transform takes 16 maps at a time; prices are of two threads."""
    axes = plan_of(
        pb.nn.BandConv2d(4, 4, 3, padding=1, keep=0.25), torch.zeros(1, 4, 12, 12)
    ).geometry.source
    one, two, three = (cost.transform_work(axes, "fused", maps, 4)["sum"] for maps in (1, 32, 33))
    assert one == two == three / 2


def test_the_whole_band_is_pytorchs_convolution() -> None:
    layer = pb.nn.BandConv2d(3, 4, 3, padding=1, keep=1.0)
    x = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    assert plan_of(layer, x).direct
    assert torch.equal(layer(x), F.conv2d(x, layer.weight, layer.bias, padding=1))


@pytest.mark.parametrize(
    ("keep", "holds", "count"),
    [
        # A ring of 9 samples; 8·8 samples a map against 1 + (2m-1)² numbers a spectrum.
        (0.2, "spectrum", 1 + 3 * 3),  # 3 of 9 an axis: 0.11, nearer than 5 of 9: 0.31
        (0.6, "spectrum", 1 + 7 * 7),
        (0.9, "map", 8 * 8),
    ],
)
def test_the_smaller_of_map_and_spectrum_is_held(keep: float, holds: str, count: int) -> None:
    layer = pb.nn.BandConv2d(3, 4, 3, padding=1, keep=keep)
    plan = plan_of(layer, torch.zeros(2, 3, 8, 8))
    assert plan.holds == holds
    assert plan.held_bytes == 2 * 3 * count * 4


def test_a_half_precision_map_counts_half() -> None:
    layer = pb.nn.BandConv2d(3, 4, 3, padding=1, keep=0.6, dtype=torch.float16)
    plan = plan_of(layer, torch.zeros(2, 3, 8, 8, dtype=torch.float16))
    assert (plan.holds, plan.held_bytes) == ("map", 2 * 3 * 64 * 2)


def test_measuring_takes_the_weight_as_it_is_under_autocast(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = set[tuple[torch.dtype, torch.dtype]]()

    def convolve(x: torch.Tensor, weight: torch.Tensor, *others: Any) -> torch.Tensor:
        seen.add((x.dtype, weight.dtype))
        return convolution.convolve(x, weight, *others)

    monkeypatch.setattr(measure, "convolve", convolve)
    layer = pb.nn.BandConv2d(3, 5, 3, keep=0.3, plan="measure")
    with torch.autocast("cpu", torch.bfloat16):
        plan_of(layer, torch.zeros(2, 3, 13, 11))
    assert seen == {(torch.bfloat16, torch.float32)}


@pytest.mark.parametrize("transposed", [False, True])
def test_measuring_tries_each_way_and_agrees_with_them(transposed: bool) -> None:
    make = pb.nn.BandConvTranspose2d if transposed else pb.nn.BandConv2d
    layer = make(4, 6, 3, stride=2, padding=1, groups=2, keep=0.4, plan="measure")
    x = torch.randn(2, 4, 11, 10, generator=torch.Generator().manual_seed(1))
    plan = plan_of(layer, x)
    assert plan.reason == "measured fastest"
    assert plan.costs[plan.way] == min(plan.costs.values()) > 0
    y = layer(x)
    for way in ("fft", "dft", "spatial"):
        layer.plan = way
        torch.testing.assert_close(y, layer(x), atol=1e-5, rtol=1e-5)
    layer.plan = "measure"
    assert layer(x[:0]).shape == (0, *y.shape[1:])


def test_measuring_leaves_the_users_random_numbers_alone() -> None:
    layer = pb.nn.BandConv1d(2, 2, 3, keep=0.4, plan="measure")
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    layer.plan_for(torch.zeros(3, 2, 31))
    assert torch.equal(torch.rand(3), expected)


def test_measuring_goes_on_where_function_transforms_and_checkpoints_look_on() -> None:
    layer = pb.nn.BandConv1d(2, 2, 3, keep=0.4, plan="measure")
    # Sizes that no other test has, so that each is measured here.
    x = torch.randn(3, 2, 47)
    found = torch.func.grad(lambda t: layer(t).square().sum())(x)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(layer(leaf).square().sum(), leaf)
    torch.testing.assert_close(found, expected)
    leaf = torch.randn(3, 2, 53).requires_grad_()
    y = checkpoint(layer, leaf, use_reentrant=False)
    (found,) = torch.autograd.grad(y.square().sum(), leaf)
    (expected,) = torch.autograd.grad(layer(leaf).square().sum(), leaf)
    torch.testing.assert_close(found, expected)


def test_measuring_leaves_the_whole_band_to_pytorch_and_needs_data() -> None:
    whole = pb.nn.BandConv2d(3, 3, 7, padding=3, keep=1, plan="measure")
    assert plan_of(whole, torch.zeros(1, 3, 12, 12)).direct
    meta = pb.nn.BandConv2d(3, 3, 7, padding=3, keep=0.5, plan="measure", device="meta")
    assert plan_of(meta, torch.zeros(1, 3, 12, 12, device="meta")).reason == "least estimated cost"
    assert meta(torch.zeros(1, 3, 12, 12, device="meta")).shape == (1, 3, 12, 12)


def test_a_plan_can_be_pickled_and_hashed() -> None:
    plan = plan_of(pb.nn.BandConv2d(3, 4, 3, keep=0.5), torch.zeros(2, 3, 16, 16))
    again = pickle.loads(pickle.dumps(plan))
    assert again == plan
    assert hash(again) == hash(plan)


def test_symbolic_tracing_sees_one_call() -> None:
    layer = pb.nn.BandConv2d(3, 4, 3, padding=1, keep=0.3)
    x = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(2))
    traced = torch.fx.symbolic_trace(nn.Sequential(layer, nn.ReLU()))
    assert torch.equal(traced(x), layer(x).relu())


@pytest.mark.usefixtures("forgetful")
def test_on_a_gpu_the_kernels_are_priced_as_transforms_beside_pytorchs_products(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planning, "fits", lambda axes, dtype, device: device == "cuda")
    geometry = pb.nn.BandConv2d(4, 6, 3, padding=1, keep=0.25).plan_for(torch.zeros(2, 4, 56, 56))
    for dtype in (torch.float32, torch.bfloat16):
        plan = planning.make_plan(geometry.geometry, "auto", 128, 64, 64, dtype, "cuda")
        assert plan.way == "fused"
        assert set(plan.costs) == {"fft", "dft", "spatial", "fused"}
    shape = cost.Shape(128, 64, 64, 2, on_cpu=False)
    work = cost.convolution_work(geometry.geometry, "fused", ("fused", "dft"), shape, "inference")
    assert work["launch"] == 2
    assert work["product"] > 0
    assert not work["tile"] + work["panel"] + work["pack"]
