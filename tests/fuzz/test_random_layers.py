"""Random layers against the dense oracle and against `nn.Conv*`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from random_layer import Layer, layers
from torch import Tensor, nn

import passband as pb
from oracle import Array
from pytorch_cases import TOLERANCE

# PyTorch says so of its own zero-padded copy; the ordinary layers of the comparison set it off.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")

KINDS = [
    pytest.param(dims, transposed, id=f"{'transposed ' * transposed}{dims}d")
    for dims in (1, 2, 3)
    for transposed in (False, True)
]
SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck))
# Layers that failed once, as they were printed.
FOUND: list[Layer] = []
# PyTorch 2.13 on a CPU computes other gradients of these weights, and so do we with the whole band.
WRONG_IN_PYTORCH = [
    Layer(
        transposed=False, space=(2, 1), kernel=(2, 1), inputs=4, outputs=2, groups=2, batch=None,
        stride=(1, 1), dilation=(1, 1), padding=(0, 0), bias=False, dtype="float64",
        layout="channels last",
    ),
    Layer(
        transposed=True, space=(2, 1, 3), kernel=(3, 6, 1), inputs=1, outputs=2, groups=1,
        batch=None, stride=(23, 1, 1), dilation=(1, 1, 1), padding=(0, 2, 0),
        output_padding=(21, 0, 0), bias=False, dtype="bfloat16", layout="channels last",
    ),
]  # fmt: skip

Found = dict[str, Array | None]
"""Value and gradients: `y`, `dx`, `dw`, `db`."""


def terms(layer: Layer, y: Array) -> dict[str, int]:
    """How many products each number is a sum of, at most."""
    taps = math.prod(map(min, layer.kernel, layer.space))
    positions = max(1, y.size // layer.outputs)
    return {
        "y": layer.inputs // layer.groups * taps,
        "dx": layer.outputs // layer.groups * taps,
        "dw": positions,
        "db": positions,
    }


def near(layer: Layer, actual: Tensor | None, wanted: Array | None, what: str, count: int) -> None:
    """Equal to the dtype's tolerance of the largest value, or of what a sum of so many terms has.

    Values are of the standard normal distribution. What a narrow band leaves of a sum is small, but
    the rounding is that of the whole.
    """
    assert (actual is None) == (wanted is None), what
    if actual is None or wanted is None:
        return
    assert tuple(actual.shape) == wanted.shape, what
    error = np.abs(actual.detach().double().numpy() - wanted).max(initial=0.0)
    scale = max(np.abs(wanted).max(initial=0.0), math.sqrt(count))
    assert error <= TOLERANCE[layer.rounded_to] * scale, (
        f"{what}: off by {error:.2e} of {scale:.2e}"
    )


def run(layer: Layer, call: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=layer.dtype == "autocast"):
        return call(x)


def as_function(layer: Layer, ours: Any) -> Callable[[Tensor], Tensor]:
    """The function that a band-limited layer calls, with sizes as short as they can be written."""
    options = {name: _short(sizes) for name, sizes in layer.geometry.items()}
    if not layer.transposed:
        options |= {"padding_mode": layer.padding_mode, "stride_mode": ours.stride_mode}
    name = f"band_conv{'_transpose' * layer.transposed}{layer.dims}d"
    return functools.partial(
        getattr(pb.functional, name), weight=ours.weight, bias=ours.bias, groups=layer.groups,
        **options, band=ours.band, plan=ours.plan,
    )  # fmt: skip


def _short(sizes: tuple[int, ...] | str) -> object:
    """One number where all axes have the same."""
    return sizes[0] if isinstance(sizes, tuple) and len(set(sizes)) == 1 else sizes


def compared(layer: Layer, ours: Any, wanted: Found) -> None:
    """Value and every gradient of a layer are these, in the dtypes of PyTorch."""
    x = layer.map(layer.torch_dtype)
    y = run(layer, as_function(layer, ours) if layer.functional else ours, x)
    assert wanted["y"] is not None
    assert y.dtype == layer.rounded_to
    y.backward(torch.from_numpy(layer.cotangent(wanted["y"].shape)).to(y.dtype))
    actual = {"y": y, "dx": x.grad, "dw": ours.weight.grad}
    actual["db"] = ours.bias.grad if layer.bias else None
    for what, count in terms(layer, wanted["y"]).items():
        near(layer, actual[what], wanted[what], what, count)
        t = actual[what]
        assert what == "y" or t is None or t.dtype == x.dtype, what


def by_pytorch(layer: Layer) -> Found:
    """What `nn.Conv*` computes of the same values in float64."""
    module, x = layer.module(nn, torch.float64), layer.map(torch.float64)
    y = module(x)
    y.backward(torch.from_numpy(layer.cotangent(y.shape)))
    found = {"y": y.detach(), "dx": x.grad, "dw": module.weight.grad}
    found["db"] = module.bias.grad if layer.bias else None
    return {name: None if t is None else t.numpy() for name, t in found.items()}


def check(layer: Layer) -> None:
    check_band(layer)
    check_whole(layer)


def check_band(layer: Layer) -> None:
    """A layer with its band, and the same frozen, are as the oracle."""
    ours, found = layer.ours(), layer.expected()
    db = found.db if layer.bias else None
    compared(layer, ours, {"y": found.y, "dx": found.dx, "dw": found.dw, "db": db})

    pb.freeze_(ours)
    x, count = layer.map(layer.torch_dtype).detach(), terms(layer, found.y)["y"]
    with torch.no_grad():
        for sign in (1, 1, -1):  # made, remembered, and made anew of another weight
            for parameter in ours.parameters():
                parameter.mul_(sign)
            near(layer, run(layer, ours, x), sign * found.y, f"frozen y, times {sign}", count)


def check_whole(layer: Layer) -> None:
    """With the whole band it is PyTorch's layer."""
    whole: Any = layer.ours()
    whole.band = pb.Band(keep=1, fft_size=layer.cut.fft_size)
    if not layer.transposed:
        whole.stride_mode = "sample"
    compared(layer, whole, by_pytorch(layer))
    if layer.plan == "auto" and layer.padding_mode == "zeros" and not uneven(layer):
        x = layer.map(layer.torch_dtype)
        plain = layer.module(nn, layer.torch_dtype)
        assert torch.equal(run(layer, whole, x), run(layer, plain, x)), "not to the bit"


def uneven(layer: Layer) -> bool:
    """Whether an axis has one sample more after the map than before."""
    taps = zip(layer.kernel, layer.dilation, strict=True)
    return layer.padding == "same" and any(d * (k - 1) % 2 for k, d in taps)


def fuzz(dims: int, transposed: bool, chosen: settings) -> None:
    chosen(given(layers(dims, transposed))(check))()


@pytest.mark.parametrize(("dims", "transposed"), KINDS)
def test_some_random_layers(dims: int, transposed: bool) -> None:
    """The same ones each time."""
    fuzz(dims, transposed, settings(SETTINGS, max_examples=90, derandomize=True, database=None))


@pytest.mark.slow
@pytest.mark.parametrize(("dims", "transposed"), KINDS)
def test_many_random_layers(dims: int, transposed: bool) -> None:
    """Others each time, unless `--hypothesis-seed` is given."""
    fuzz(dims, transposed, settings(SETTINGS, max_examples=3500))


@pytest.mark.parametrize("layer", [*FOUND, *WRONG_IN_PYTORCH], ids=str)
def test_layers_that_failed_once(layer: Layer) -> None:
    check_band(layer)
    if layer not in WRONG_IN_PYTORCH:
        check_whole(layer)
