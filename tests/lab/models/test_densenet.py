import pytest
import torch
import torch.nn.functional as F
from torch import nn

from passband.lab.models import create_model
from shapes import outputs


def parameters(**options: int) -> int:
    with torch.device("meta"):
        model = create_model("densenet", num_classes=10, in_channels=3, **options)
    return sum(p.numel() for p in model.parameters())


def test_parameter_count() -> None:
    assert parameters() == 769_162  # the figure commonly given; 0.8M in the paper


@pytest.mark.parametrize(
    ("growth", "depth", "millions"), [(12, 100, 0.8), (24, 250, 15.3), (40, 190, 25.6)]
)
def test_parameters_are_those_of_the_papers_table_2(
    growth: int, depth: int, millions: float
) -> None:
    assert round(parameters(growth=growth, depth=depth) / 1e6, 1) == millions


def test_the_papers_densenet_121_for_small_images() -> None:
    model = create_model("densenet_icml", num_classes=100, in_channels=3)
    # Of a widely used DenseNet-BC for CIFAR with blocks of 6-12-24-16: 1,000,618 for ten classes.
    assert sum(p.numel() for p in model.parameters()) == 1_000_618 + 90 * (384 + 1)
    assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in model.modules()) == 121
    shapes = outputs(model, 3, 32, 32)
    channels = 24
    for i, (count, side) in enumerate(zip((6, 12, 24, 16), (32, 16, 8, 4), strict=True), 1):
        channels += 12 * count
        assert shapes[f"block{i}"] == (channels, side, side)
        channels //= 2
    assert shapes["relu"] == (384, 4, 4)


@pytest.mark.parametrize("depth", [10, 40, 100])
def test_its_depth(depth: int) -> None:
    model = create_model("densenet", num_classes=10, in_channels=3, growth=4, depth=depth)
    assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in model.modules()) == depth


def test_blocks_add_channels_and_transitions_halve() -> None:
    shapes = outputs(create_model("densenet", num_classes=10, in_channels=3), 3, 32, 32)
    stages = ("conv", "block1", "transition1", "block2", "transition2", "block3", "fc")
    assert [shapes[stage] for stage in stages] == [
        (24, 32, 32),
        (24 + 16 * 12, 32, 32),
        (108, 16, 16),
        (108 + 16 * 12, 16, 16),
        (150, 8, 8),
        (150 + 16 * 12, 8, 8),
        (10,),
    ]


@pytest.mark.parametrize("space", [(8, 8), (2, 3), (33, 47)])
def test_an_image_of_any_size(space: tuple[int, int]) -> None:
    model = create_model("densenet", num_classes=4, in_channels=2, growth=4, depth=10)
    assert model(torch.randn(2, 2, *space)).shape == (2, 4)


def test_each_layer_sees_all_before_it() -> None:
    model = create_model("densenet", num_classes=2, in_channels=1, growth=4, depth=22)
    block = model.get_submodule("block1")
    state = block.state_dict()
    maps = [torch.randn(2, 8, 6, 6)]
    for i in range(3):
        y = torch.cat(maps, 1)
        for j, padding in ((1, 0), (2, 1)):
            weight, bias = state[f"{i}.bn{j}.weight"], state[f"{i}.bn{j}.bias"]
            y = F.batch_norm(y, None, None, weight, bias, training=True).relu()
            y = F.conv2d(y, state[f"{i}.conv{j}.weight"], padding=padding)
        maps.append(y)
    torch.testing.assert_close(block(maps[0]), torch.cat(maps, 1))
