"""torch.compile around band-limited layers: the same values, forward and backward."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import passband as pb
from passband.functional.plan import PlanName


# At a graph break Dynamo looks at the gradient of every intermediate result.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("plan", ["auto", "fft", "dft", "spatial"])
def test_a_compiled_network_is_the_network(plan: PlanName) -> None:
    torch._dynamo.reset()
    model = nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.Conv2d(12, 16, 3, stride=2, padding=1, groups=2),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 5, 3),
    )
    pb.convert_(model, pb.Band(keep=0.3), plan=plan)
    compiled = torch.compile(model, backend="aot_eager")
    for batch in (4, 3, 6):  # from the second on the size of the batch is a symbol
        x = torch.randn(batch, 3, 20, 19, requires_grad=True)
        found, expected = (net(x).square().sum() for net in (compiled, model))
        of = (x, *model.parameters())
        for one, other in zip(
            (found, *torch.autograd.grad(found, of)),
            (expected, *torch.autograd.grad(expected, of)),
            strict=True,
        ):
            torch.testing.assert_close(one, other)


def test_a_compiled_frozen_network_is_the_network() -> None:
    torch._dynamo.reset()
    model = nn.Sequential(nn.Conv1d(3, 20, 5, padding=2), nn.ReLU(), nn.Conv1d(20, 4, 3))
    pb.convert_(model, pb.Band(keep=0.3))
    pb.freeze_(model)
    compiled = torch.compile(model, backend="aot_eager")
    with torch.no_grad():
        for batch in (4, 3, 6):
            x = torch.randn(batch, 3, 40)
            torch.testing.assert_close(compiled(x), model(x))
