"""Accuracies under attack are those of Foolbox called by hand on the same network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from digits_run import weights
from foolbox_or_skip import foolbox
from passband.lab import data, models
from passband.lab.attacks import ATTACKS, Budget, Network, OnUnit
from passband.lab.attacks.gradient import margin
from passband.lab.data.extent import extent
from passband.lab.training import Result

EPSILONS = (0.02, 0.1, 0.3)
STEPS = 4
SEED = 3


class ByHand(nn.Module):
    """The trained network behind a move of [0, 1] to the range of its data."""

    def __init__(self, net: nn.Module, low: float, high: float) -> None:
        super().__init__()
        self.net, self.low, self.high = net, low, high

    def forward(self, maps: Tensor) -> Tensor:
        logits: Tensor = self.net(self.low + maps * (self.high - self.low))
        return logits


@pytest.fixture(scope="module")
def net(finished_run: Result) -> nn.Module:
    made = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    pb.convert_(made, pb.Band(keep=0.5), example=data.load("digits").test[:2][0])
    made.load_state_dict(weights(Path(finished_run.config.out)))
    return made.eval()


@pytest.fixture(scope="module")
def batch() -> tuple[Tensor, Tensor]:
    maps, labels = data.load("digits").test[:60]
    return maps, labels


def by_hand(net: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Any, Tensor, Tensor]:
    """The network as Foolbox has it, and the unit maps that it is right of, with their labels."""
    train = data.load("digits").train[:1000][0]
    low, high = float(train.min()), float(train.max())
    model = ByHand(net, low, high).eval()
    maps = ((batch[0] - low) / (high - low)).clamp(0, 1)
    right = model(maps).argmax(1) == batch[1]
    boxed = foolbox().PyTorchModel(model, bounds=(0, 1), device="cpu")
    return boxed, maps[right], batch[1][right]


def accuracies(
    net: nn.Module, batch: tuple[Tensor, Tensor], name: str, restarts: int = 1
) -> tuple[dict[tuple[str, float | None], float], float]:
    spread = extent(data.load("digits"))
    attacked = Network(OnUnit(net, spread), [batch], EPSILONS, SEED)
    found = attacked.under([ATTACKS[name]], Budget(STEPS, restarts))
    mine = {(one.metric, one.at): one.value for one in found if one.metric == f"accuracy_{name}"}
    return mine, attacked.right


FIXED: dict[str, Callable[[Any], Any]] = {
    "fgsm": lambda fb: fb.attacks.LinfFastGradientAttack(),
    "pgd": lambda fb: fb.attacks.LinfPGD(steps=STEPS, rel_stepsize=2.5 / STEPS),
}


@pytest.mark.parametrize("name", FIXED)
def test_of_given_strengths(net: nn.Module, batch: tuple[Tensor, Tensor], name: str) -> None:
    boxed, maps, labels = by_hand(net, batch)
    torch.manual_seed(SEED)
    _, _, broken = FIXED[name](foolbox())(boxed, maps, labels, epsilons=list(EPSILONS))
    wanted = [float((~one).sum()) / len(batch[1]) for one in broken]
    found, right = accuracies(net, batch, name)
    assert right == pytest.approx(len(labels) / len(batch[1]), abs=1e-6)
    assert found == {
        (f"accuracy_{name}", at): pytest.approx(value, abs=1e-6)
        for at, value in zip(EPSILONS, wanted, strict=True)
    }
    assert right > wanted[0] > wanted[-1]


LEAST: dict[str, Callable[[Any], Any]] = {
    "cw": lambda fb: fb.attacks.L2CarliniWagnerAttack(
        binary_search_steps=5, steps=3 * STEPS, stepsize=0.2, initial_const=1.0
    ),
    "deepfool": lambda fb: fb.attacks.L2DeepFoolAttack(steps=2 * STEPS),
}


@pytest.mark.parametrize("name", LEAST)
def test_of_least_changes(net: nn.Module, batch: tuple[Tensor, Tensor], name: str) -> None:
    boxed, maps, labels = by_hand(net, batch)
    torch.manual_seed(SEED)
    _, changed, broken = LEAST[name](foolbox())(boxed, maps, labels, epsilons=None)
    norms = (changed - maps).flatten(1).norm(dim=1)
    found, _ = accuracies(net, batch, name)
    for at in EPSILONS:
        limit = at * 64**0.5  # 8x8 values, of which epsilon is the root mean square
        held = int((~(broken & (norms <= limit))).sum())
        assert found[f"accuracy_{name}", at] == pytest.approx(held / len(batch[1]), abs=1e-6)
    assert found[f"accuracy_{name}", 0.3] < found[f"accuracy_{name}", 0.02]


def test_of_several_starts_the_worst_counts(net: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    boxed, maps, labels = by_hand(net, batch)
    torch.manual_seed(SEED)
    attack = FIXED["pgd"](foolbox())
    starts = [attack(boxed, maps, labels, epsilons=list(EPSILONS))[2] for _ in range(3)]
    broken = starts[0] | starts[1] | starts[2]
    found, _ = accuracies(net, batch, "pgd", restarts=3)
    wanted = [float((~one).sum()) / len(batch[1]) for one in broken]
    assert list(found.values()) == pytest.approx(wanted, abs=1e-6)


def test_fgsm_is_its_formula(net: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    """Goodfellow et al. 2015, without Foolbox."""
    foolbox()
    _, maps, labels = by_hand(net, batch)
    train = data.load("digits").train[:1000][0]
    model = ByHand(net, float(train.min()), float(train.max()))
    maps = maps.clone().requires_grad_(True)
    loss = nn.functional.cross_entropy(model(maps), labels)
    (slope,) = torch.autograd.grad(loss, maps)
    changed = (maps + 0.1 * slope.sign()).clamp(0, 1)
    wanted = int((model(changed).argmax(1) == labels).sum()) / len(batch[1])
    found, _ = accuracies(net, batch, "fgsm")
    assert found["accuracy_fgsm", 0.1] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", ["pgd-margin", "boundary", "salt-pepper"])
def test_others_break_more_the_stronger_they_are(
    net: nn.Module, batch: tuple[Tensor, Tensor], name: str
) -> None:
    foolbox()
    found, right = accuracies(net, batch, name)
    values = [right, *found.values()]
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0]


def test_the_margin_is_that_of_the_logits(net: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    boxed, maps, labels = by_hand(net, batch)
    eagerpy = pytest.importorskip("eagerpy", reason="comes with Foolbox")
    loss = margin(boxed, eagerpy.astensor(labels))(eagerpy.astensor(maps)).raw
    logits = boxed(maps).detach().numpy()
    wanted = 0.0
    for scores, label in zip(logits, labels.tolist(), strict=True):
        others = [score for index, score in enumerate(scores) if index != label]
        wanted += max(others) - scores[label]
    assert float(loss) == pytest.approx(float(wanted), rel=1e-5)
