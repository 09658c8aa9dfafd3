import importlib
import math
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from passband.lab.models import create_model
from shapes import outputs


@pytest.mark.parametrize("name", ["resnet18", "resnet18_icml"])
@pytest.mark.parametrize(
    ("num_classes", "parameters"),
    [
        (10, 11_173_962),  # the figure commonly given for ResNet-18 on CIFAR-10
        # torchvision's ResNet-18, with the 7x7 stem replaced by a 3x3 one
        (1000, 11_689_512 - 64 * 3 * (49 - 9)),
    ],
)
def test_parameter_count(name: str, num_classes: int, parameters: int) -> None:
    model = create_model(name, num_classes=num_classes, in_channels=3)
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize(
    ("name", "sides"), [("resnet18", (32, 32, 16, 8, 4)), ("resnet18_icml", (32, 16, 8, 4, 2))]
)
def test_the_side_of_the_maps_in_each_stage(name: str, sides: tuple[int, ...]) -> None:
    shapes = outputs(create_model(name, num_classes=10, in_channels=3), 3, 32, 32)
    stages = ("activation", "layer1", "layer2", "layer3", "layer4")
    widths = (64, 64, 128, 256, 512)
    assert [shapes[stage] for stage in stages] == [
        (width, side, side) for width, side in zip(widths, sides, strict=True)
    ]
    assert shapes["avgpool"] == (512, 1, 1)


@pytest.mark.parametrize("name", ["resnet18", "resnet18_icml"])
def test_the_convolutions(name: str) -> None:
    model = create_model(name, num_classes=10, in_channels=3)
    convolutions = {k: m for k, m in model.named_modules() if isinstance(m, nn.Conv2d)}
    assert len(convolutions) == 20  # 17 of 3x3 (the eighteenth layer is linear) and 3 shortcuts
    pointwise = {f"layer{i}.0.downsample.0" for i in (2, 3, 4)}
    assert {k for k, m in convolutions.items() if m.kernel_size == (1, 1)} == pointwise
    strided = pointwise | {f"layer{i}.0.conv1" for i in (2, 3, 4)}
    assert {k for k, m in convolutions.items() if m.stride == (2, 2)} == strided
    assert all(m.bias is None for m in convolutions.values())
    for key, module in convolutions.items():
        fan_out = module.out_channels * math.prod(module.kernel_size)
        deviation = module.weight.std().item() * math.sqrt(fan_out / 2)
        assert deviation == pytest.approx(1, abs=0.06), key


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_a_block_adds_its_shortcut(activation: str) -> None:
    model = create_model("resnet18", num_classes=2, in_channels=1, activation=activation)
    block = model.get_submodule("layer1.0").eval()
    x = torch.randn(2, 64, 4, 4)
    second_norm = block.get_submodule("bn2")
    assert isinstance(second_norm, nn.BatchNorm2d)
    nn.init.zeros_(second_norm.weight)
    torch.testing.assert_close(block(x), {"relu": F.relu, "silu": F.silu}[activation](x))


def torchvisions_names() -> Iterator[str]:
    def layer(conv: str, bn: str) -> Iterator[str]:
        yield f"{conv}.weight"
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            yield f"{bn}.{name}"

    yield from layer("conv1", "bn1")
    for i in (1, 2, 3, 4):
        for j in (0, 1):
            yield from layer(f"layer{i}.{j}.conv1", f"layer{i}.{j}.bn1")
            yield from layer(f"layer{i}.{j}.conv2", f"layer{i}.{j}.bn2")
            if i > 1 and j == 0:
                yield from layer(f"layer{i}.{j}.downsample.0", f"layer{i}.{j}.downsample.1")
    yield from ("fc.weight", "fc.bias")


@pytest.mark.parametrize("name", ["resnet18", "resnet18_icml"])
@pytest.mark.parametrize(("activation", "kind"), [("relu", nn.ReLU), ("silu", nn.SiLU)])
def test_the_activation_changes_no_parameter(
    name: str, activation: str, kind: type[nn.Module]
) -> None:
    model = create_model(name, num_classes=10, in_channels=3, activation=activation)
    assert [*model.state_dict()] == [*torchvisions_names()]
    used = [type(m) for m in model.modules() if isinstance(m, nn.ReLU | nn.SiLU)]
    assert used == 17 * [kind]  # one after each convolution of 3x3


def test_it_is_torchvisions_network_where_that_imports() -> None:
    try:
        torchvision = importlib.import_module("torchvision.models")
    except (ImportError, RuntimeError):  # the latter where it was built for another torch
        pytest.skip("torchvision does not import")
    reference = torchvision.resnet18(num_classes=10)
    reference.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    ours = create_model("resnet18_icml", num_classes=10, in_channels=3)
    ours.load_state_dict(reference.state_dict())
    x = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(ours.eval()(x), reference.eval()(x))
