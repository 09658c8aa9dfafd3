import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passband.lab.models import create_model


@pytest.mark.parametrize("num_classes", [2, 5])
def test_parameter_count(num_classes: int) -> None:
    model = create_model("resnet1d", num_classes=num_classes, in_channels=1)
    # 504,000 without the classifier: Ismail-Fawaz et al. 2023 ("LITE"), table of networks.
    assert sum(p.numel() for p in model.parameters()) == 504_000 + 129 * num_classes


def test_its_convolutions() -> None:
    model = create_model("resnet1d", num_classes=2, in_channels=3)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv1d)]
    assert [(m.in_channels, m.out_channels, *m.kernel_size) for m in convolutions] == [
        (3, 64, 8), (64, 64, 5), (64, 64, 3), (3, 64, 1),
        (64, 128, 8), (128, 128, 5), (128, 128, 3), (64, 128, 1),
        (128, 128, 8), (128, 128, 5), (128, 128, 3),
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("length", [24, 7])
def test_it_computes_what_the_paper_draws(length: int) -> None:
    model = create_model("resnet1d", num_classes=3, in_channels=2).double()
    state = model.state_dict()

    def norm(x: Tensor, name: str) -> Tensor:
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        return F.batch_norm(x, None, None, weight, bias, training=True)

    def conv(x: Tensor, name: str) -> Tensor:
        return F.conv1d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding="same")

    x = y = torch.randn(4, 2, length, dtype=torch.float64)
    for i in (1, 2, 3):
        around = conv(y, f"block{i}.shortcut.conv") if i < 3 else y
        around = norm(around, f"block{i}.shortcut.bn")
        for j in (1, 2, 3):
            y = norm(conv(y, f"block{i}.layers.conv{j}"), f"block{i}.layers.bn{j}")
            y = (y if j < 3 else y + around).relu()
    expected = F.linear(y.mean(-1), state["fc.weight"], state["fc.bias"])
    torch.testing.assert_close(model(x), expected)
