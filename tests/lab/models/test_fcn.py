import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passband.lab.models import create_model


@pytest.mark.parametrize("widths", [(128, 256, 128), (4, 6, 5)])
def test_its_layers_are_those_of_the_paper(widths: tuple[int, int, int]) -> None:
    a, b, c = widths
    model = create_model("fcn", num_classes=2, in_channels=1, widths=widths)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv1d)]
    assert [tuple(m.weight.shape) for m in convolutions] == [(a, 1, 8), (b, a, 5), (c, b, 3)]
    assert sum(p.numel() for p in model.parameters()) == (
        (8 * a + a) + (5 * a * b + b) + (3 * b * c + c) + 2 * (a + b + c) + (2 * c + 2)
    )


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("length", [24, 25, 3])
def test_it_computes_same_convolutions_norm_relu_and_the_mean_over_time(length: int) -> None:
    model = create_model("fcn", num_classes=3, in_channels=2, widths=(4, 6, 5)).eval()
    state = model.state_dict()
    for key, value in state.items():
        if "bn" in key and value.is_floating_point():
            value.uniform_(0.5, 1.5)
    x = torch.randn(2, 2, length)
    y: Tensor = x
    for i in (1, 2, 3):
        y = F.conv1d(y, state[f"conv{i}.weight"], state[f"conv{i}.bias"], padding="same")
        norm = [
            state[f"bn{i}.{k}"][:, None] for k in ("running_mean", "running_var", "weight", "bias")
        ]
        y = ((y - norm[0]) / (norm[1] + 1e-5).sqrt() * norm[2] + norm[3]).relu()
        assert y.shape[-1] == length
    expected = F.linear(y.mean(-1), state["fc.weight"], state["fc.bias"])
    torch.testing.assert_close(model(x), expected)
