import importlib
import math
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

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


def parameters(name: str, **options: object) -> int:
    with torch.device("meta"):
        model = create_model(name, num_classes=10, in_channels=3, **options)
    return sum(p.numel() for p in model.parameters())


def test_resnet_20_is_that_of_the_papers_table_6() -> None:
    assert parameters("resnet20") == 269_722  # 0.27M; the figure commonly given with option A
    model = create_model("resnet20", num_classes=10, in_channels=3)
    assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in model.modules()) == 20
    shapes = outputs(model, 3, 32, 32)
    stages = ("activation", "layer1", "layer2", "layer3")
    assert [shapes[stage] for stage in stages] == [
        (16, 32, 32), (16, 32, 32), (32, 16, 16), (64, 8, 8)
    ]  # fmt: skip


def test_its_shortcut_takes_every_second_sample_and_adds_channels_of_zeros() -> None:
    block = create_model("resnet20", num_classes=2, in_channels=1).get_submodule("layer2.0")
    norm = block.get_submodule("bn2")
    assert isinstance(norm, nn.BatchNorm2d)
    nn.init.zeros_(norm.weight)
    x = torch.randn(2, 16, 7, 6)
    y = block(x)
    assert y.shape == (2, 32, 4, 3)
    assert torch.equal(y[:, :16], x[:, :, ::2, ::2].relu())
    assert not y[:, 16:].any()


def test_resnet_50() -> None:
    assert parameters("resnet50") == 23_520_842  # the figure commonly given for CIFAR-10
    # torchvision's for 1000 classes, with the 7x7 stem replaced by a 3x3 one
    with torch.device("meta"):
        model = create_model("resnet50", num_classes=1000, in_channels=3)
    assert sum(p.numel() for p in model.parameters()) == 25_557_032 - 64 * 3 * (49 - 9)
    model = create_model("resnet50", num_classes=10, in_channels=3)
    shapes = outputs(model, 3, 32, 32)
    stages = ("activation", "layer1", "layer2", "layer3", "layer4")
    assert [shapes[stage] for stage in stages] == [
        (64, 32, 32), (256, 32, 32), (512, 16, 16), (1024, 8, 8), (2048, 4, 4)
    ]  # fmt: skip
    names = {name for name, m in model.named_modules() if isinstance(m, nn.Conv2d)}
    expected = {"conv1", *(f"layer{i}.0.downsample.0" for i in (1, 2, 3, 4))}
    for i, count in enumerate((3, 4, 6, 3), 1):
        expected |= {f"layer{i}.{j}.conv{k}" for j in range(count) for k in (1, 2, 3)}
    assert names == expected
    kinds = [type(m) for m in model.modules() if isinstance(m, nn.ReLU)]
    assert len(kinds) == 1 + 3 * 16


def test_a_bottleneck_computes_three_convolutions_beside_its_shortcut() -> None:
    model = create_model("resnet50", num_classes=2, in_channels=1, width=1 / 16)
    block = model.get_submodule("layer2.0")
    state = block.state_dict()

    def norm(x: Tensor, name: str) -> Tensor:
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        return F.batch_norm(x, None, None, weight, bias, training=True)

    x = y = torch.randn(3, 16, 6, 6)
    for i, (stride, padding) in enumerate(((1, 0), (2, 1), (1, 0)), 1):
        y = F.conv2d(y, state[f"conv{i}.weight"], stride=stride, padding=padding)
        y = norm(y, f"bn{i}")
        y = y.relu() if i < 3 else y
    shortcut = norm(F.conv2d(x, state["downsample.0.weight"], stride=2), "downsample.1")
    torch.testing.assert_close(block(x), (y + shortcut).relu())


@pytest.mark.parametrize(
    ("name", "stem", "side"),
    [
        ("resnet18", "usual", 32),
        ("resnet18", "strided", 16),
        ("resnet18", "blurpool", 16),
        ("resnet18", "maxpool", 16),
        ("resnet20", "blurpool", 16),
        ("resnet50", "strided", 16),
    ],
)
def test_a_stem_changes_sizes_and_no_parameter(name: str, stem: str, side: int) -> None:
    model = create_model(name, num_classes=2, in_channels=3, stem=stem, width=1 / 8)
    usual = create_model(name, num_classes=2, in_channels=3, width=1 / 8).state_dict()
    found = model.state_dict()
    assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in usual.items()}
    shapes = outputs(model, 3, 32, 32)
    assert shapes["layer1"][1:] == (side, side)
    assert shapes["layer2"][1:] == (side // 2, side // 2)


def test_the_stem_of_the_icml_network_is_a_max_pool() -> None:
    torch.manual_seed(0)
    first = create_model("resnet18_icml", num_classes=2, in_channels=1, width=1 / 8).eval()
    second = create_model("resnet18", num_classes=2, in_channels=1, width=1 / 8, stem="maxpool")
    second.load_state_dict(first.state_dict())
    x = torch.randn(2, 1, 16, 16)
    assert torch.equal(first(x), second.eval()(x))


@pytest.mark.parametrize("name", ["resnet18", "resnet20", "resnet50"])
def test_with_circular_padding_a_shift_by_all_strides_changes_nothing(name: str) -> None:
    # Together the strides take every eighth sample (every fourth of resnet20's).
    model = create_model(name, num_classes=3, in_channels=2, width=1 / 8, padding_mode="circular")
    model.double().eval()
    x = torch.randn(2, 2, 16, 16, dtype=torch.float64)
    shifted = x.roll((8, -8), (2, 3))
    torch.testing.assert_close(model(shifted), model(x))
    zeros = create_model(name, num_classes=3, in_channels=2, width=1 / 8).double().eval()
    zeros.load_state_dict(model.state_dict())
    assert not torch.allclose(zeros(shifted), zeros(x), rtol=1e-6)


@pytest.mark.parametrize(
    ("ours_name", "name"), [("resnet18_icml", "resnet18"), ("resnet50", "resnet50")]
)
def test_it_is_torchvisions_network_where_that_imports(ours_name: str, name: str) -> None:
    try:
        torchvision = importlib.import_module("torchvision.models")
    except (ImportError, RuntimeError):  # the latter where it was built for another torch
        pytest.skip("torchvision does not import")
    reference = getattr(torchvision, name)(num_classes=10)
    reference.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    if ours_name == "resnet50":
        reference.maxpool = nn.Identity()
    ours = create_model(ours_name, num_classes=10, in_channels=3)
    ours.load_state_dict(reference.state_dict())
    x = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(ours.eval()(x), reference.eval()(x))
