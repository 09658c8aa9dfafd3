import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passband.lab.models import create_model
from shapes import outputs

# What a variant common for CIFAR-10 (2,296,922 parameters) has beyond the paper: a 1x1 convolution
# and norm also where nothing is expanded, and as shortcuts where only the channels change.
BEYOND = (32 * 32 + 2 * 32) + sum(
    a * b + 2 * b for a, b in ((32, 16), (16, 24), (64, 96), (160, 320))
)


@pytest.mark.parametrize(
    ("num_classes", "parameters"),
    [
        (1000, 3_504_872),  # torchvision's; strides have no parameters
        (10, 2_296_922 - BEYOND),
    ],
)
def test_parameter_count(num_classes: int, parameters: int) -> None:
    model = create_model("mobilenet", num_classes=num_classes, in_channels=3)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_the_maps_of_each_stage() -> None:
    shapes = outputs(create_model("mobilenet", num_classes=10, in_channels=3), 3, 32, 32)
    stages = ("stem", *(f"stage{i}" for i in range(1, 8)), "last", "avgpool", "fc")
    assert [shapes[stage] for stage in stages] == [
        (32, 32, 32), (16, 32, 32), (24, 32, 32), (32, 16, 16), (64, 8, 8), (96, 8, 8),
        (160, 4, 4), (320, 4, 4), (1280, 4, 4), (1280, 1, 1), (10,),
    ]  # fmt: skip


@pytest.mark.parametrize("space", [(8, 8), (1, 3), (33, 47)])
def test_an_image_of_any_size(space: tuple[int, int]) -> None:
    model = create_model("mobilenet", num_classes=4, in_channels=2)
    assert model(torch.randn(2, 2, *space)).shape == (2, 4)


def test_convolutions_of_3x3_are_depthwise() -> None:
    model = create_model("mobilenet", num_classes=10, in_channels=3)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    stem, *wide = [m for m in convolutions if m.kernel_size == (3, 3)]
    assert stem.groups == 1
    assert len(wide) == 17  # one for each block: 1 + 2 + 3 + 4 + 3 + 3 + 1
    assert all(m.groups == m.in_channels == m.out_channels for m in wide)
    assert all(m.bias is None for m in convolutions)


def norm(x: Tensor, state: dict[str, Tensor], key: str) -> Tensor:
    return F.batch_norm(x, None, None, state[f"{key}.weight"], state[f"{key}.bias"], training=True)


@pytest.mark.parametrize(
    ("name", "channels", "stride", "adds"),
    [("stage3.0", 24, 2, False), ("stage3.1", 32, 1, True), ("stage5.0", 64, 1, False)],
)
def test_a_block_expands_filters_and_projects(
    name: str, channels: int, stride: int, adds: bool
) -> None:
    model = create_model("mobilenet", num_classes=2, in_channels=1)
    block = model.get_submodule(name).double()
    state = block.get_submodule("layers").state_dict()
    x = 4 * torch.randn(2, channels, 5, 6, dtype=torch.float64)
    for key in ("expand.bn.weight", "depthwise.bn.weight"):
        state[key].fill_(5)  # so that ReLU6 meets what is above 6
    y = norm(F.conv2d(x, state["expand.conv.weight"]), state, "expand.bn").clamp(0, 6)
    y = F.conv2d(y, state["depthwise.conv.weight"], None, stride, 1, groups=6 * channels)
    y = norm(y, state, "depthwise.bn").clamp(0, 6)
    y = norm(F.conv2d(y, state["project.weight"]), state, "bn")
    torch.testing.assert_close(block(x), x + y if adds else y)


def test_the_first_block_expands_nothing() -> None:
    block = create_model("mobilenet", num_classes=2, in_channels=1).get_submodule("stage1.0.layers")
    assert [name for name, _ in block.named_children()] == ["depthwise", "project", "bn"]
