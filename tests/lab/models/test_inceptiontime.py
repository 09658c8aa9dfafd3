import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from passband.lab.models import create_model


@pytest.mark.parametrize("num_classes", [2, 5])
def test_parameter_count(num_classes: int) -> None:
    model = create_model("inceptiontime", num_classes=num_classes, in_channels=1)
    # 420,192 without the classifier: Ismail-Fawaz et al. 2023 ("LITE"), table of networks.
    assert sum(p.numel() for p in model.parameters()) == 420_192 + 129 * num_classes


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(("channels", "length"), [(1, 50), (3, 24), (2, 5)])
def test_it_computes_what_the_paper_draws(channels: int, length: int) -> None:
    model = create_model("inceptiontime", num_classes=3, in_channels=channels).double()
    state = model.state_dict()

    def norm(x: Tensor, name: str) -> Tensor:
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        return F.batch_norm(x, None, None, weight, bias, training=True)

    x = y = torch.randn(4, channels, length, dtype=torch.float64)
    around = y
    for depth in range(6):
        block, module = f"block{depth // 3 + 1}", depth % 3
        name = f"{block}.modules_in_turn.{module}"
        bottleneck = state.get(f"{name}.bottleneck.weight")
        assert (bottleneck is None) == (y.shape[1] == 1)
        narrow = y if bottleneck is None else F.conv1d(y, bottleneck)
        maps = [
            F.conv1d(narrow, state[f"{name}.branches.{k}.weight"], padding="same") for k in range(3)
        ]
        assert [state[f"{name}.branches.{k}.weight"].shape[2] for k in range(3)] == [40, 20, 10]
        windows = F.pad(y, (1, 1), value=-torch.inf).unfold(2, 3, 1)
        maps.append(F.conv1d(windows.amax(-1), state[f"{name}.pooled.weight"]))
        y = norm(torch.cat(maps, 1), f"{name}.bn").relu()
        if module == 2:
            shortcut = F.conv1d(around, state[f"{block}.shortcut.0.weight"])
            around = y = (y + norm(shortcut, f"{block}.shortcut.1")).relu()
    expected = F.linear(y.mean(-1), state["fc.weight"], state["fc.bias"])
    torch.testing.assert_close(model(x), expected)
