import pytest
import torch
import torch.nn.functional as F

from passband.lab.models import create_model
from shapes import outputs


@pytest.mark.parametrize(("num_classes", "channels"), [(10, 1), (3, 2)])
def test_parameter_count(num_classes: int, channels: int) -> None:
    model = create_model("cnn3d", num_classes=num_classes, in_channels=channels)
    products = channels * 16 + 16 * 16 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64
    norms = 2 * 2 * (16 + 32 + 64)
    expected = 27 * products + norms + 65 * num_classes
    assert sum(p.numel() for p in model.parameters()) == expected


@pytest.mark.parametrize(
    ("space", "last"), [((16, 16, 16), (4, 4, 4)), ((7, 10, 3), (2, 3, 1)), ((1, 1, 1), (1, 1, 1))]
)
def test_a_volume_of_any_size(space: tuple[int, int, int], last: tuple[int, int, int]) -> None:
    shapes = outputs(create_model("cnn3d", num_classes=4, in_channels=2), 2, *space)
    assert (shapes["relu3_2"], shapes["fc"]) == ((64, *last), (4,))


def test_it_computes_convolutions_norm_relu_and_pools() -> None:
    model = create_model("cnn3d", num_classes=3, in_channels=2).double()
    state = model.state_dict()
    x = y = torch.randn(3, 2, 8, 6, 4, dtype=torch.float64)
    for stage in (1, 2, 3):
        y = F.max_pool3d(y, 2, ceil_mode=True) if stage > 1 else y
        for key in (f"{stage}_1", f"{stage}_2"):
            weight, bias = state[f"bn{key}.weight"], state[f"bn{key}.bias"]
            y = F.conv3d(y, state[f"conv{key}.weight"], padding=1)
            y = F.batch_norm(y, None, None, weight, bias, training=True).relu()
    expected = F.linear(y.mean((2, 3, 4)), state["fc.weight"], state["fc.bias"])
    torch.testing.assert_close(model(x), expected)
