"""What memory policies change in gradients: nothing, a rounding, or more."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

import passband as pb
from passband.analysis import policy_error, radial_energy

ANY: Any = policy_error
EXACT, BF16 = pb.MemoryPolicy.exact(), pb.MemoryPolicy.bf16()
INT8, LOW = pb.MemoryPolicy(spectra="int8"), pb.MemoryPolicy.unchanged_forward(bits=2)


def net(*, banded: bool = True) -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 3, padding=1, stride=2), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Dropout(0.2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
    )  # fmt: skip
    if banded:
        pb.convert_(model, pb.Band(keep=0.5))
    return model


BATCH = (torch.randn(4, 2, 12, 12, generator=torch.Generator().manual_seed(1)),
         torch.tensor([0, 1, 2, 0]))  # fmt: skip


@pytest.mark.parametrize("banded", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_an_exact_policy_has_no_error(banded: bool, training: bool) -> None:
    found = policy_error(net(banded=banded).train(training), BATCH, EXACT, F.cross_entropy)
    assert [layer.name for layer in found.layers] == ["0", "3"]
    assert all(layer.total < 1e-4 for layer in found.layers)
    assert found.input is not None
    assert found.input.total < 1e-4


def test_bfloat16_rounds_to_eight_bits() -> None:
    """A rounding is 2**-9 of a number at most; a gradient sums many."""
    found = policy_error(net(), BATCH, BF16, F.cross_entropy)
    for layer in found.layers:
        assert 2**-12 < layer.total < 2**-7
        there = layer.gradient.share > 1e-3
        assert (layer.relative[there] < 2**-5).all()


def test_of_one_layer_the_rounding_is_that_of_its_spectrum() -> None:
    layer = pb.nn.BandConv1d(1, 1, 16, padding=8, padding_mode="circular",
                             band=pb.Band(modes=6), bias=False)  # fmt: skip
    model = nn.Sequential(layer)
    x, target = torch.randn(1, 1, 16), torch.randn(1, 1, 17)
    found = policy_error(model, x, BF16, lambda y: (y * target).sum())["0"]
    # One map: the error of a frequency is that of its own coefficient, of two rounded numbers.
    assert found.relative[:6].max().item() < 2**-8
    assert found.relative[:6].max().item() > 2**-13


def test_a_coarser_policy_errs_more() -> None:
    totals = [policy_error(net(), BATCH, p, F.cross_entropy)["3"].total for p in (BF16, INT8)]
    assert totals[0] < totals[1] < 0.2
    low = policy_error(net(banded=False), BATCH, LOW, F.cross_entropy)["3"]
    assert 0.001 < low.total < 1
    # Where no layer is band-limited there is no spectrum to round.
    assert policy_error(net(banded=False), BATCH, BF16, F.cross_entropy)["3"].total < 1e-4


def test_against_gradients_by_hand() -> None:
    model = net().eval()
    found = policy_error(model, BATCH, BF16, F.cross_entropy)

    def gradients(policy: pb.MemoryPolicy | None) -> list[Tensor]:
        twin = copy.deepcopy(model)
        if policy is not None:
            pb.memory.attach_(twin, policy)
        x = BATCH[0].clone().requires_grad_()
        F.cross_entropy(twin(x), BATCH[1]).backward()
        assert x.grad is not None
        return [x.grad, twin[0].weight.grad, twin[3].weight.grad]  # type: ignore[list-item]

    pairs = list(zip(gradients(None), gradients(BF16), strict=True))
    assert found.input is not None
    for (exact, given), error, points in zip(
        pairs, (found.input, *found.layers), ((12, 12), (12, 12), (12, 12)), strict=True
    ):
        wanted = radial_energy(given - exact, points)
        assert error.error.energy.tolist() == pytest.approx(wanted.energy.tolist())
        assert error.gradient.energy.tolist() == pytest.approx(
            radial_energy(exact, points).energy.tolist()
        )


def test_the_model_stays_as_it_was_its_policy_too() -> None:
    model = net().train()
    pb.convert_(model, None, memory=INT8)
    text, state = repr(model), copy.deepcopy(model.state_dict())
    hooks = [len(m._forward_hooks) for m in model.modules()]
    x, chance = BATCH[0].clone(), torch.get_rng_state()
    found = policy_error(model, BATCH, EXACT, F.cross_entropy)
    assert found["3"].total < 1e-4, "compared with none, not with the model's own"
    assert pb.report(model).memory == INT8
    assert repr(model) == text
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(torch.equal(t, state[name]) for name, t in model.state_dict().items())
    assert [len(m._forward_hooks) for m in model.modules()] == hooks
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(BATCH[0], x)
    assert not BATCH[0].requires_grad


def test_inputs_that_are_no_maps_have_no_error() -> None:
    model = nn.Sequential(nn.Embedding(5, 6), pb.nn.BandConv1d(4, 2, 3, keep=0.5, padding=1))
    found = policy_error(model, torch.randint(5, (3, 4)), BF16, lambda y: y.square().sum())
    assert found.input is None
    assert found["1"].total > 0


def test_errors_are_drawn() -> None:
    found = policy_error(net(), BATCH, BF16, F.cross_entropy)
    axes = found.draw(Figure().add_subplot())
    assert [line.get_label() for line in axes.lines] == ["0", "3", "input"]
    assert axes.get_title() == "Error of gradients, spectra in bfloat16"
    with pytest.raises(KeyError, match="'7'"):
        found["7"]


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: ANY(1, BATCH, BF16, F.cross_entropy), TypeError, "int"),
        (lambda: ANY(nn.Linear(2, 2), BATCH, BF16, F.cross_entropy), ValueError, "Linear"),
        (lambda: ANY(net(), {"x": 1}, BF16, F.cross_entropy), TypeError, "{'x': 1}"),
        (lambda: ANY(net(), BATCH, "bf16", F.cross_entropy), TypeError, "'bf16'"),
        (lambda: ANY(net(), BATCH[0], BF16, lambda y: y), ValueError, "(4, 3)"),
        (lambda: ANY(net().requires_grad_(False), BATCH, BF16, F.cross_entropy), ValueError,
         "no convolution has weights"),
    ],
)  # fmt: skip
def test_it_is_refused(call: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=re.escape(told)):
        call()
