"""Layers with all their options, between convolutions, with a memory policy and without."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from twins import EXACT, assert_close

import passband as pb
from passband.memory import saved
from passband.memory.pooling import fits

Layer = Callable[[], nn.Module]


class Function(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


LAYERS: dict[str, Layer] = {
    "batch norm": lambda: nn.BatchNorm2d(4),
    "batch norm of a momentum": lambda: nn.BatchNorm2d(4, momentum=0.3, eps=1e-2),
    "batch norm of the mean of all": lambda: nn.BatchNorm2d(4, momentum=None),
    "batch norm that does not scale": lambda: nn.BatchNorm2d(4, affine=False),
    "batch norm that does not shift": lambda: nn.BatchNorm2d(4, bias=False),
    "batch norm that remembers nothing": lambda: nn.BatchNorm2d(4, track_running_stats=False),
    "sync batch norm of one process, evaluated": lambda: nn.SyncBatchNorm(4).eval(),
    "group norm": lambda: nn.GroupNorm(2, 4),
    "group norm that does not scale": lambda: nn.GroupNorm(1, 4, affine=False),
    "layer norm": lambda: nn.LayerNorm([9, 9]),
    "layer norm that does not shift": lambda: nn.LayerNorm(9, bias=False),
    "relu": lambda: nn.ReLU(),
    "relu in place": lambda: nn.ReLU(inplace=True),
    "relu6": lambda: nn.ReLU6(),
    "relu6 in place": lambda: nn.ReLU6(inplace=True),
    "hardtanh": lambda: nn.Hardtanh(-0.2, 0.3),
    "hardtanh in place": lambda: nn.Hardtanh(-0.2, 0.3, inplace=True),
    "leaky relu": lambda: nn.LeakyReLU(0.3),
    "leaky relu in place": lambda: nn.LeakyReLU(0.3, inplace=True),
    "leaky relu that falls": lambda: nn.LeakyReLU(-0.5),
    "leaky relu that rises more": lambda: nn.LeakyReLU(2.0),
    "silu": lambda: nn.SiLU(),
    "silu in place": lambda: nn.SiLU(inplace=True),
    "gelu": lambda: nn.GELU(),
    "gelu by tanh": lambda: nn.GELU("tanh"),
    "mish": lambda: nn.Mish(),
    "hardswish": lambda: nn.Hardswish(),
    "max pool": lambda: nn.MaxPool2d(2),
    "max pool that overlaps": lambda: nn.MaxPool2d(3, 2, 1),
    "max pool of a dilated window": lambda: nn.MaxPool2d((2, 3), (1, 2), (0, 1), (2, 1)),
    "max pool that rounds up": lambda: nn.MaxPool2d(2, ceil_mode=True),
    "max pool of a large window": lambda: nn.MaxPool2d(9, 1, 4),
    "mean pool": lambda: nn.AvgPool2d(2),
    "mean pool that counts its padding": lambda: nn.AvgPool2d(3, 2, 1),
    "mean pool that does not": lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "mean pool that rounds up": lambda: nn.AvgPool2d(2, ceil_mode=True, divisor_override=3),
    "adaptive mean pool": lambda: nn.AdaptiveAvgPool2d((4, 5)),
    "adaptive max pool": lambda: nn.AdaptiveMaxPool2d((4, 5)),
    "adaptive max pool of even windows": lambda: nn.AdaptiveMaxPool2d((3, 9)),
    "adaptive max pool of some axes": lambda: nn.AdaptiveMaxPool2d((None, 3)),
    "global max pool": lambda: Function(lambda x: F.silu(x) + F.adaptive_max_pool2d(x, 1)),
    "dropout": lambda: nn.Dropout(0.4),
    "dropout in place": lambda: nn.Dropout(0.4, inplace=True),
    "dropout of nothing": lambda: nn.Dropout(0.0),
    "dropout of everything": lambda: nn.Dropout(1.0),
    "dropout of channels": lambda: nn.Dropout2d(0.4),
    "a view, then in place": lambda: Function(lambda x: F.relu_(x.permute(0, 2, 3, 1)).mT),
    "a permuted map, activated": lambda: Function(
        lambda x: F.gelu(F.relu(torch.permute(x, dims=(0, 1, 3, 2))))
    ),
    "in place on a permuted map": lambda: Function(
        lambda x: F.silu(F.silu(x.permute(0, 1, 3, 2), inplace=True))
    ),
    "a sum of two activations": lambda: Function(lambda x: F.silu(x) + F.gelu(x)),
    "a sum with a number": lambda: Function(lambda x: F.silu(x + 0.5)),
    "a scaled sum": lambda: Function(lambda x: F.silu(torch.add(x, x.flip(-1), alpha=2))),
}


def blocks(layer: Layer, keep: float | None) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    plain = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), layer(), nn.SiLU(), nn.LazyConv2d(4, 2)
    ).double()
    plain(torch.zeros(1, 3, 9, 9, dtype=torch.float64).normal_())
    if keep is not None:
        pb.convert_(plain, pb.Band(keep=keep))
    small = copy.deepcopy(plain)
    pb.convert_(small, None, memory=EXACT)
    return plain, small


def run(model: nn.Module, seed: int = 0) -> list[Tensor]:
    """Output, gradients, and buffers afterwards."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(3, 3, 9, 9, dtype=torch.float64, generator=generator, requires_grad=True)
    torch.manual_seed(1)
    y = model(x)
    loss = (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum()
    parameters = [p for p in model.parameters() if p.requires_grad]
    grads = torch.autograd.grad(loss, [x, *parameters], materialize_grads=True)
    return [y, *grads, *(b.clone().double() for b in model.buffers())]


@pytest.mark.parametrize("keep", [None, 0.5])
@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_outputs_gradients_and_buffers_are_those_without_it(
    layer: Layer, keep: float | None
) -> None:
    plain, small = blocks(layer, keep)
    for seed in range(2):
        assert_close(run(small, seed), run(plain, seed))
    plain.eval(), small.eval()
    assert_close(run(small), run(plain))


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_less_is_held(layer: Layer) -> None:
    plain, small = (model.train() for model in blocks(layer, None))
    x = torch.randn(3, 3, 9, 9, dtype=torch.float64)
    assert saved(lambda: small(x)).total < saved(lambda: plain(x)).total


BAD_WINDOWS: dict[str, tuple[nn.Module, int]] = {
    "a stride of 0": (nn.MaxPool2d(2, stride=0), 6),
    "three sizes": (nn.MaxPool2d((2, 2, 2)), 6),
    "too much padding": (nn.MaxPool2d(2, padding=2), 6),
    "no result": (nn.MaxPool2d(7), 6),
    "no dilation": (nn.MaxPool2d(2, dilation=0), 6),
}


@pytest.mark.parametrize("case", BAD_WINDOWS)
def test_what_pytorch_says_of_a_window_is_said(case: str) -> None:
    layer, n = BAD_WINDOWS[case]
    x = torch.randn(1, 1, n, n, requires_grad=True)
    with pytest.raises(RuntimeError) as plain:
        layer(x)
    pb.convert_(layer, None, memory=EXACT)
    with pytest.raises(RuntimeError) as lean:
        layer(x)
    assert str(lean.value) == str(plain.value)


def test_a_window_without_a_sample_is_left_to_pytorch() -> None:
    assert not fits(((2, 2), (2, 2), (1, 1), (5, 5), False), (4, 4))
    assert fits(((2, 2), (2, 2), (1, 1), (4, 4), False), (4, 4))
