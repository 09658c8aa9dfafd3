"""Each technique holds, promises and learns what a formula says."""

import copy
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband.lab.bench.config import DTYPES
from passband.lab.bench.memory.accuracy import Lessons
from passband.lab.bench.memory.config import MemoryConfig
from passband.lab.bench.memory.footprint import Footprint, footprint
from passband.lab.bench.memory.measurement import prepared
from passband.lab.bench.memory.technique import PLAIN, Technique, apply, techniques
from passband.lab.bench.steps import training_step
from passband.lab.models import create_model

BENCH = MemoryConfig(out="out", model="lenet5", batch=4, epochs=0)
NAMES = {one.name: one for one in techniques((0.5,))}
WEIGHTS = 4 * 61706
INPUTS = 4 * 4 * (28 * 28 + 6 * 14 * 14)  # of both convolutions
OUTPUTS = 4 * 4 * (6 * 28 * 28 + 16 * 10 * 10)
CLASSIFIER = 4 * 4 * (400 + 120 + 84 + 10) + 4  # inputs of linear layers and loss, sum of weights
LABELS = 8 * 4
STATES = 2 * torch.get_rng_state().nbytes


def counted(technique: Technique) -> tuple[Footprint, int]:
    """What is found, and what autograd holds."""
    module, x, _ = prepared(BENCH, technique)
    step = training_step(module, x, DTYPES[technique.dtype])
    step.run()
    assert step.forward is not None
    found = footprint(module, x, DTYPES[technique.dtype], step)
    return found, pb.memory.saved(step.forward).total


@pytest.mark.parametrize(
    "name",
    ["plain", "autocast", "band", "exact", "exact + autocast", "bf16", "unchanged_forward"],
)
def test_what_is_held_is_what_autograd_holds(name: str) -> None:
    found, saved = counted(NAMES[name])
    assert found.saved == saved
    assert found.promised == 3 * WEIGHTS + saved
    assert found.peak >= 2 * WEIGHTS + saved  # when forward ends


def test_plain_holds_maps_and_activations() -> None:
    pooled = 8 * 4 * (6 * 14 * 14 + 16 * 5 * 5)  # indices
    assert counted(PLAIN)[0].saved == INPUTS + OUTPUTS + CLASSIFIER + LABELS + pooled


def test_checkpointing_holds_inputs_and_the_state_of_random_numbers() -> None:
    found, saved = counted(NAMES["checkpoint"])
    assert saved == INPUTS + CLASSIFIER + LABELS
    assert found.saved == saved + STATES


def test_selective_checkpointing_holds_the_outputs_of_convolutions_too() -> None:
    found, _ = counted(NAMES["selective checkpoint"])
    assert found.saved == INPUTS + OUTPUTS + CLASSIFIER + LABELS + STATES


def test_less_is_held_from_one_to_the_next() -> None:
    order = ("band", "exact", "bf16")
    for more, less in pairwise(counted(NAMES[name])[0].saved for name in order):
        assert less < more
    for technique in ("checkpoint", "selective checkpoint", "unchanged_forward"):
        assert counted(NAMES[technique])[0].saved < counted(PLAIN)[0].saved


def gradients(model: nn.Module, x: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(model(x).square().sum(), list(model.parameters())))


def comparable(technique: Technique) -> bool:
    """Whether it runs on a CPU and rounds as its essence does, not at random."""
    exact = technique.dtype == "float32" and technique.essence.policy is None
    return exact and not technique.offload


@pytest.mark.parametrize("name", [name for name, one in NAMES.items() if comparable(one)])
def test_what_is_the_same_in_essence_has_the_same_gradients(name: str) -> None:
    technique = NAMES[name]
    plain = create_model("lenet5", num_classes=10, in_channels=1)
    x = torch.randn(4, 1, 28, 28)
    model, measured = apply(technique, copy.deepcopy(plain), x)
    essence, same = apply(technique.essence, copy.deepcopy(plain), x)
    assert (measured is None, measured) == (technique.keep is None, same)
    for a, b in zip(gradients(model, x), gradients(essence, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_moving_to_the_host_changes_no_gradient_and_holds_next_to_nothing() -> None:
    plain = create_model("lenet5", num_classes=10, in_channels=1).cuda()
    x = torch.randn(4, 1, 28, 28, device="cuda")
    model, _ = apply(NAMES["save_on_cpu"], copy.deepcopy(plain), x)
    for a, b in zip(gradients(model, x), gradients(plain, x), strict=True):
        torch.testing.assert_close(a, b)
    assert pb.memory.saved(lambda: model(x)).total == 0


def test_a_cpu_has_nowhere_to_move_to() -> None:
    with pytest.raises(ValueError, match="a CPU has no other memory"):
        prepared(BENCH, NAMES["save_on_cpu"])


def test_names_are_unique_and_each_keep_has_its_own() -> None:
    labels = [one.label for one in techniques((0.5, 0.25))]
    assert len(set(labels)) == len(labels)
    assert labels[0] == "plain"
    assert {"exact, keep 0.5", "exact, keep 0.25"} <= {*labels}


def test_what_learns_the_same_is_trained_once(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[Technique] = []

    def learn(self: Lessons, technique: Technique, seed: int) -> float:
        trained.append(technique)
        return 0.9 + seed / 10

    monkeypatch.setattr(Lessons, "_trained", learn)
    lessons = Lessons(MemoryConfig(out="out", model="lenet5", data="digits", seeds=2))
    found = {name: lessons.accuracy(one) for name, one in NAMES.items()}
    plain = found["plain"]
    assert (plain.data, plain.epochs, plain.seeds) == ("digits", 1, 2)
    assert plain.accuracy == pytest.approx(0.95)
    assert plain.spread == pytest.approx(0.1 / 2**0.5)
    assert len(trained) == 2 * len({*trained})
    groups = [
        {"plain", "checkpoint", "selective checkpoint", "save_on_cpu", "exact, no band"},
        {"autocast", "autocast + checkpoint"},
        {"band", "band + checkpoint", "exact"},
        {"bf16", "bf16 + save_on_cpu"},
        {"exact + autocast"}, {"unchanged_forward"}, {"unchanged_forward + autocast"},
    ]  # fmt: skip
    assert {frozenset(n for n in NAMES if NAMES[n].essence == one) for one in {*trained}} == {
        frozenset(group) for group in groups
    }


def test_a_lesson_is_learned() -> None:
    lessons = Lessons(MemoryConfig(out="out", model="lenet5", data="digits", epochs=2))
    found = lessons.accuracy(NAMES["bf16"])
    assert found.accuracy is not None
    assert found.accuracy > 0.5
    assert found.spread is None
