"""Activation checkpointing by blocks: gradients of the plain network, bytes of blocks' inputs."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import passband as pb
from passband.lab.bench.memory.regions import Regions, checkpointed
from passband.lab.models import create_model

REGIONS: tuple[Regions, ...] = ("whole", "selective")
INPUTS = {"lenet5": (4, 1, 28, 28), "fcn": (4, 1, 40), "resnet18": (2, 3, 8, 8)}


class Skipping(nn.Module):
    """A network that is no stage: a stage below, a convolution, and a way around them."""

    def __init__(self) -> None:
        super().__init__()
        self.below = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.SiLU())
        self.head = nn.Conv2d(6, 10, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(torch.cat((x, self.below(x)), 1)).mean((2, 3))
        return y


def network(name: str) -> tuple[nn.Module, Tensor]:
    if name == "skipping":
        return Skipping(), torch.randn(2, 3, 8, 8)
    shape = INPUTS[name]
    return create_model(name, num_classes=10, in_channels=shape[1]), torch.randn(shape)


def blocks(model: nn.Module) -> list[nn.Sequential]:
    found = [getattr(one, "block", None) for one in model.modules()]
    return [block for block in found if isinstance(block, nn.Sequential)]


@pytest.mark.parametrize("regions", REGIONS)
@pytest.mark.parametrize("name", [*INPUTS, "skipping"])
def test_results_and_gradients_are_those_of_the_plain_network(name: str, regions: Regions) -> None:
    plain, x = network(name)
    model = checkpointed(copy.deepcopy(plain), regions)
    expected, found = plain(x), model(x)
    assert torch.equal(found, expected)
    assert blocks(model)
    for a, b in zip(
        torch.autograd.grad(found.square().sum(), list(model.parameters())),
        torch.autograd.grad(expected.square().sum(), list(plain.parameters())),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_a_residual_block_is_one_and_so_is_a_convolution_with_what_follows_it() -> None:
    def kinds(name: str) -> list[list[str]]:
        model = checkpointed(network(name)[0], "whole")
        return [[type(layer).__name__ for layer in block] for block in blocks(model)]

    residual = ["BasicBlock"]
    assert kinds("resnet18") == [
        ["Conv2d", "BatchNorm2d", "ReLU"], *[residual] * 7, [*residual, "AdaptiveAvgPool2d"],
    ]  # fmt: skip
    assert kinds("lenet5") == [["Conv2d", "ReLU", "MaxPool2d"]] * 2
    assert kinds("skipping") == [["Conv2d", "BatchNorm2d", "SiLU"]]


def test_whole_blocks_hold_their_inputs_alone() -> None:
    model, x = network("lenet5")
    y = torch.zeros(4, dtype=torch.int64)
    model = checkpointed(model, "whole")
    saved = pb.memory.saved(lambda: F.cross_entropy(model(x), y)).total
    inputs = [28 * 28, 6 * 14 * 14]
    classifier = [400, 120, 84, 10]  # inputs of the linear layers, and of the loss
    assert saved == 4 * 4 * sum(inputs + classifier) + y.nbytes + 4  # the loss's sum of weights
