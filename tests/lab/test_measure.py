from dataclasses import replace

import torch
from torch import Tensor, nn

from passband.lab.config import TrainConfig
from passband.lab.measure import WARM_UP, costs

RUN = TrainConfig.recommended("digits", "lenet5", "out", accelerator="cpu")
BATCH = torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64)


class Noted(nn.Module):
    def __init__(self, name: str, calls: list[str]) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)
        self.name, self.calls = name, calls

    def forward(self, x: Tensor) -> Tensor:
        self.calls.append(self.name)
        return self.linear(x.flatten(1))  # type: ignore[no-any-return]


def test_steps_are_interleaved() -> None:
    calls: list[str] = []
    measured = costs({name: Noted(name, calls) for name in "abc"}, BATCH, RUN, repeats=4)
    # Once each for the bytes, then a round after another.
    assert "".join(calls) == "abc" * (1 + WARM_UP + 4)
    assert [len(measured[name].seconds) for name in "abc"] == [4, 4, 4]
    assert all(second > 0 for cost in measured.values() for second in cost.seconds)


def test_saved_bytes_are_those_of_the_formula() -> None:
    model = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(96, 10))
    (cost,) = costs({"net": model}, BATCH, RUN, repeats=1).values()
    floats = 4 * (64 + 96 + 10)  # input, ReLU's output (also the linear layer's), log-softmax
    scalar = 4  # the loss's total weight
    assert cost.saved_bytes == 4 * floats + 8 * 4 + scalar  # and the int64 labels


def test_a_step_trains() -> None:
    linear = nn.Linear(64, 10)
    before = linear.bias.detach().clone()
    costs({"net": nn.Sequential(nn.Flatten(), linear)}, BATCH, RUN, repeats=1)
    assert not torch.equal(linear.bias, before)


def test_bytes_are_those_of_the_asked_precision() -> None:
    batch = torch.zeros(256, 1, 8, 8), torch.zeros(256, dtype=torch.int64)

    def of(run: TrainConfig) -> int:
        net = nn.Sequential(nn.Conv2d(1, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2304, 10))
        return costs({"net": net}, batch, run, repeats=1)["net"].saved_bytes

    # Half, but for the 16-bit copies of the weights.
    assert of(replace(RUN, precision="bf16-mixed")) < 0.6 * of(RUN)
