"""Pieces of the attacks, each against something worked out beside it."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from foolbox_or_skip import foolbox
from passband.lab import data, models
from passband.lab.attacks import (
    ATTACKS,
    Attack,
    Averaged,
    Budget,
    Network,
    OnUnit,
    Outcome,
    Target,
    available,
    is_random,
    misleads,
    straight_through,
)
from passband.lab.attacks.decision import broken_together
from passband.lab.attacks.outcome import of_least
from passband.lab.attacks.pixels import tried
from passband.lab.data.extent import Extent
from passband.nn import Threshold, ToSpace, ToSpectrum

BUDGET = Budget(2, 1)
UNIT = Extent(torch.zeros(1, 1, 1), torch.ones(1, 1, 1))


class Linear(nn.Module):
    """Two classes: the scores are a weighted sum of the pixels, and none."""

    def __init__(self, weight: Tensor, bias: float) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias

    def forward(self, maps: Tensor) -> Tensor:
        score = (maps * self.weight).flatten(1).sum(1) + self.bias
        return torch.stack([score, torch.zeros_like(score)], 1)


def target(net: nn.Module, maps: Tensor, labels: Tensor, *epsilons: float) -> Target:
    return Target(net, net, maps, labels, epsilons)


def test_unit_maps_are_those_of_the_data() -> None:
    low, high = torch.tensor([-1.0, 2.0]).view(2, 1), torch.tensor([1.0, 6.0]).view(2, 1)
    net = OnUnit(nn.Flatten(), Extent(low, high))
    maps = torch.tensor([[[-1.0, 0.0, 1.0], [6.0, 2.0, 3.0]]])
    assert net.unit(maps).tolist() == [[[0, 0.5, 1], [1, 0, 0.25]]]
    assert torch.equal(net(net.unit(maps)), maps.flatten(1))
    assert float(net.unit(torch.full((1, 2, 1), 9.0)).max()) == 1


def test_an_epsilon_of_least_changes_is_a_root_mean_square() -> None:
    net = Linear(torch.ones(1, 2, 2), -2.0)
    maps = torch.ones(3, 1, 2, 2)
    found = maps.clone()
    found[0] = 0.4  # each of four values moved by .6: a norm of 1.2
    found[1, 0, 0] = 0  # two values moved by 1; the score is 0, and equal scores are the first's
    found[1, 0, 1, 1] = 0.9
    outcome = of_least(target(net, maps, torch.zeros(3, dtype=torch.long), 0.59, 0.61, 0.72), found)
    assert outcome.l2 is not None
    assert outcome.linf is not None
    assert outcome.l2.tolist() == pytest.approx([1.2, 2.01**0.5, float("inf")])
    assert outcome.linf.tolist() == pytest.approx([0.6, 1, float("inf")])
    assert outcome.broken.tolist() == [
        [False, False, False],
        [True, False, False],
        [True, True, False],
    ]


@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 5, 5), (2, 30)])
def test_the_local_search_takes_the_pixels_that_matter_most(shape: tuple[int, ...]) -> None:
    """Of a linear network the least number of pixels is known: the largest effects, in order."""
    weight, maps = torch.randn(shape), torch.rand(8, *shape)
    flipped = (maps < 0.5).to(maps)
    effects = ((flipped - maps) * weight).flatten(2).sum(1)
    scores = (maps * weight).flatten(1).sum(1)
    net = Linear(weight, float(1 - scores.min()))
    wanted = []
    for score, effect in zip(scores + net.bias, effects, strict=True):
        falls = torch.cumsum(effect.sort().values, 0)[:10]
        below = (score + falls < 0).nonzero()
        wanted.append(float(below[0] + 1) if len(below) else float("inf"))
    outcome = ATTACKS["pixels"].find(
        target(net, maps, torch.zeros(8, dtype=torch.long), 0.1), BUDGET
    )
    assert outcome.pixels is not None
    assert outcome.pixels.tolist() == wanted
    assert min(wanted) < float("inf")


def test_of_large_maps_the_search_tries_some_and_those_around_the_last() -> None:
    first = tried(4, (20, 20), None)
    assert first.shape == (4, 100)
    assert all(len(set(line)) == 100 for line in first.tolist())
    near = tried(1, (20, 20), torch.tensor([5 * 20 + 19]))[0, :25]  # row 5, at the right edge
    rows, columns = near // 20, near % 20
    assert set(rows.tolist()) == {3, 4, 5, 6, 7}
    assert set(columns.tolist()) == {17, 18, 19}


def test_thresholds_are_passed_straight_through() -> None:
    net = nn.Sequential(ToSpectrum(), Threshold(1.0), ToSpace())
    maps, slope = torch.randn(2, 1, 8, 8, requires_grad=True), torch.randn(2, 1, 8, 8)
    through = straight_through(net)
    assert torch.equal(through(maps), net(maps))
    (passed,) = torch.autograd.grad((through(maps) * slope).sum(), maps)
    torch.testing.assert_close(passed, slope)
    (true,) = torch.autograd.grad((net(maps) * slope).sum(), maps)
    kept = torch.fft.fft2(maps.detach(), norm="ortho").abs() >= 1
    wanted = torch.fft.ifft2(torch.fft.fft2(slope) * kept).real
    torch.testing.assert_close(true, wanted, atol=1e-5, rtol=1e-5)


def test_a_spectral_network_passes_more_when_its_thresholds_are_passed_through() -> None:
    net = models.create_model(
        "spec_lenet5", num_classes=10, in_channels=1, image_size=8, beta=0.3
    ).eval()
    maps = data.load("digits").test[:4][0].requires_grad_(True)
    through = straight_through(net)
    assert misleads(net)
    assert not misleads(models.create_model("lenet5", num_classes=10, in_channels=1))
    torch.testing.assert_close(through(maps), net(maps))
    slopes = [torch.autograd.grad(one(maps).sum(), maps)[0] for one in (net, through)]
    assert not torch.allclose(*slopes)
    assert all(bool(slope.isfinite().all()) for slope in slopes)


def test_rounding_is_passed_straight_through() -> None:
    rounding, linear = pb.nn.ColorDepth(2, -2.0, 2.0), nn.Linear(4, 2)
    for net in (nn.Sequential(rounding, linear), nn.Sequential(rounding, rounding, linear)):
        maps = torch.randn(3, 4, requires_grad=True)
        assert misleads(net)
        through = straight_through(net)
        assert not misleads(through)
        assert torch.equal(through(maps), net(maps))
        (passed,) = torch.autograd.grad(through(maps)[:, 0].sum(), maps)
        torch.testing.assert_close(passed, linear.weight[0].detach().expand(3, 4))
        (true,) = torch.autograd.grad(net(maps)[:, 0].sum(), maps)
        assert not true.any()
    assert not misleads(straight_through(rounding))


def test_a_rounding_network_is_attacked_past_its_rounding() -> None:
    foolbox()
    torch.manual_seed(0)
    linear = nn.Linear(4, 2)
    net = OnUnit(nn.Sequential(pb.nn.ColorDepth(3), nn.Flatten(), linear), UNIT)
    maps = torch.rand(40, 1, 2, 2)
    network = Network(net, [(maps, net(maps).argmax(1))], (0.3,), 0)
    chosen = [ATTACKS[name] for name in ("fgsm", "pgd-bpda")]
    found = {metric: value for metric, value, _ in network.under(chosen, Budget(5, 1))}
    assert found["accuracy_fgsm"] == 1
    assert found["accuracy_pgd-bpda"] < 0.9
    assert found["accuracy_worst"] == found["accuracy_pgd-bpda"]


def linear_behind(*layers: nn.Module) -> tuple[OnUnit, OnUnit, tuple[Tensor, Tensor]]:
    """A linear network, the same behind layers, and maps with the labels that it gives them."""
    torch.manual_seed(0)
    last = nn.Linear(4, 2)
    last.bias.data = -last.weight.data.sum(1) / 2  # of grey it is undecided
    linear = nn.Sequential(nn.Flatten(), last)
    maps = torch.rand(60, 1, 2, 2)
    plain = OnUnit(linear, UNIT)
    return plain, OnUnit(nn.Sequential(*layers, linear), UNIT), (maps, plain(maps).argmax(1))


def test_checks_take_the_gradients_that_break_most() -> None:
    foolbox()
    plain, net, batch = linear_behind(pb.nn.ColorDepth(4))
    network = Network(net, [batch], (0.01, 0.1, 0.3, 0.4), 0)
    found = {(m, at): value for m, value, at in network.checked(Budget(4, 1), plain)}
    assert found["check_loss", 4] > found["check_loss", 0]
    assert found["check_steps", 4] < 0.5  # rounding leaves plain pgd nothing to follow
    assert found["check_large", 0.5] == 0
    assert ("check_chance", 0.3) not in found


def test_checks_are_made_where_the_plain_network_loses_half() -> None:
    foolbox()
    plain, net, batch = linear_behind(nn.Identity())
    under = Network(plain, [batch], (0.01, 0.1, 0.2, 0.3, 0.4), 0)
    alone = [ATTACKS["pgd"]]
    lost = [at for m, value, at in under.under(alone, Budget(4, 1))
            if m == "accuracy_pgd" and value < 0.5]  # fmt: skip
    assert len(lost) > 1
    for network, other in ((under, None), (Network(net, [batch], under.epsilons, 0), plain)):
        (at,) = [at for m, _, at in network.checked(Budget(4, 1), other) if m == "check_noise"]
        assert at == lost[0]
    weak = Network(plain, [batch], (0.0001, 0.0002), 0)
    assert [at for m, _, at in weak.checked(BUDGET, None) if m == "check_noise"] == [0.0002]


def test_checks_of_a_random_network_tell_what_chance_does() -> None:
    foolbox()
    plain, net, batch = linear_behind(pb.nn.NoiseChannel(0.1))
    network = Network(net, [batch], (0.1, 0.3), 0)
    found = {m: value for m, value, _ in network.checked(Budget(4, 1), plain)}
    assert 0 <= found["check_chance"] < 0.2


def test_gradients_go_through_the_band_that_energy_selects() -> None:
    maps, slope = torch.randn(4, 3, 12, 12), torch.randn(4, 5, 10, 10)
    conv = nn.Conv2d(3, 5, 3)
    net = nn.Sequential(conv)
    pb.convert_(net, pb.Band(energy=0.6, dynamic=True), example=maps)
    asked = maps.clone().requires_grad_(True)
    (found,) = torch.autograd.grad((net(asked) * slope).sum(), asked)
    (row,) = pb.report(net, maps).converted
    geometry = row.plans[0].geometry
    frozen = nn.Sequential(nn.Conv2d(3, 5, 3))
    frozen.load_state_dict(net.state_dict())
    pb.convert_(frozen, pb.Band(modes=geometry.modes), example=maps)
    (wanted,) = torch.autograd.grad((frozen(asked) * slope).sum(), asked)
    torch.testing.assert_close(found, wanted)


class Noisy(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return (maps + torch.randn_like(maps)).flatten(1).square()


class OfBatch(nn.Module):
    """Decides for class 1 where a value is above half of the batch's largest."""

    def forward(self, maps: Tensor) -> Tensor:
        score = maps.flatten(1)[:, 0] - maps.max() / 2
        return torch.stack([-score, score], 1)


def test_where_decisions_depend_on_the_batch_those_that_hold_in_it_are_taken() -> None:
    maps = torch.tensor([0.1, 0.45, 0.6, 1.0]).view(4, 1, 1)
    some = target(OfBatch(), maps, torch.tensor([1, 0, 1, 0]), 0.1)
    # Broken are the first and the last; without the last the first would not be.
    assert some.breaks(maps).tolist() == [True, False, False, True]
    assert broken_together(some, maps).tolist() == [True, False, False, True]
    lone = target(OfBatch(), maps, torch.tensor([1, 0, 1, 1]), 0.1)
    assert lone.breaks(maps).tolist() == [True, False, False, False]
    assert broken_together(lone, maps).tolist() == [False] * 4


def test_draws_are_averaged_and_so_are_their_gradients() -> None:
    maps = torch.rand(2, 1, 3, requires_grad=True)
    torch.manual_seed(5)
    (found,) = torch.autograd.grad(Averaged(Noisy(), 4)(maps).sum(), maps)
    torch.manual_seed(5)
    noise = torch.stack([torch.randn(2, 1, 3) for _ in range(4)])
    torch.testing.assert_close(found, (2 * (maps + noise)).mean(0))
    assert is_random(Noisy(), maps)
    assert not is_random(nn.Flatten(), maps)


def test_a_random_network_is_judged_by_its_mean() -> None:
    maps, labels = torch.rand(6, 1, 3), torch.zeros(6, dtype=torch.long)
    network = Network(OnUnit(Noisy(), UNIT), [(maps, labels)], (0.1,), 0)
    assert network.random
    assert all(isinstance(one.judge, Averaged) for one in network.targets)


def test_a_noise_channel_is_attacked_in_the_mean_and_the_same_each_time() -> None:
    foolbox()
    torch.manual_seed(0)
    linear = nn.Linear(4, 2)
    net = OnUnit(nn.Sequential(pb.nn.NoiseChannel(0.05), nn.Flatten(), linear), UNIT)
    maps = torch.rand(40, 1, 2, 2)
    labels = linear(maps.flatten(1)).argmax(1)
    found = []
    for _ in range(2):
        network = Network(net, [(maps, labels)], (0.1, 0.3), 0)
        chosen = [ATTACKS[name] for name in ("pgd", "pgd-eot", "pgd-bpda")]
        found.append({(m, at): v for m, v, at in network.under(chosen, Budget(5, 1))})
    assert found[0] == found[1]
    names = {metric for metric, _ in found[0]}
    assert names == {"accuracy_pgd", "accuracy_pgd-eot", "accuracy_worst", "accuracy_worst_linf"}
    # The best attack on a linear network: each value against the sign of its weight.
    way = (linear.weight[1] - linear.weight[0]).sign() * (1 - 2 * labels)[:, None]
    best = linear((maps.flatten(1) + 0.3 * way).clamp(0, 1)).argmax(1) == labels
    wanted = float(best.float().mean())
    assert found[0]["accuracy_pgd-eot", 0.3] == pytest.approx(wanted, abs=0.06)
    assert wanted < 0.9


def fixed(name: str, norm: Any, broken: list[list[bool]], linf: list[float] | None) -> Attack:
    def find(target: Target, budget: Budget) -> Outcome:
        reach = None if linf is None else torch.tensor(linf)
        return Outcome(torch.tensor(broken), linf=reach)

    return Attack(name, name, norm, find)


def test_the_worst_counts_a_sample_once_and_minds_the_norm() -> None:
    maps, labels = torch.ones(4, 1, 2, 2), torch.zeros(4, dtype=torch.long)
    labels[3] = 1  # wrong without an attack
    network = Network(OnUnit(Linear(torch.ones(1, 2, 2), 0), UNIT), [(maps, labels)], (0.1, 0.2), 0)
    one = fixed("one", "linf", [[False, False, True], [True, False, False]], None)
    two = fixed("two", "rms", [[False, True, False], [True, True, False]], [0.15, 0.3, 9.0])
    found = {(m, at): value for m, value, at in network.under([one, two], BUDGET)}
    assert network.right == 0.75
    assert [found["accuracy_one", at] for at in (0.1, 0.2)] == [0.5, 0.5]
    assert [found["accuracy_two", at] for at in (0.1, 0.2)] == [0.5, 0.25]
    # The third sample broke at .1, and so it did at .2, where the attack missed it.
    assert [found["accuracy_worst", at] for at in (0.1, 0.2)] == [0.25, 0.0]
    assert [found["accuracy_worst_linf", at] for at in (0.1, 0.2)] == [0.5, 0.25]


def test_a_network_that_is_right_of_nothing_has_nothing_left() -> None:
    maps, labels = torch.ones(2, 1, 2, 2), torch.ones(2, dtype=torch.long)
    network = Network(OnUnit(Linear(torch.ones(1, 2, 2), 0), UNIT), [(maps, labels)], (0.1,), 0)
    found = list(network.under([ATTACKS["fgsm"], ATTACKS["pixels"]], BUDGET))
    assert {value for _, value, _ in found} == {0.0}
    assert list(network.checked(BUDGET, None)) == []


def test_auto_attack_is_asked_as_its_package_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class AutoAttack:
        def __init__(self, net: nn.Module, **given: Any) -> None:
            asked.append(given)
            self.fab = self.apgd_targeted = ModuleType("part")

        def run_standard_evaluation(self, maps: Tensor, labels: Tensor, bs: int) -> Tensor:
            strong: bool = asked[-1]["eps"] > 0.2
            return torch.zeros_like(maps) if strong else maps

    package = ModuleType("autoattack")
    package.__spec__ = ModuleSpec("autoattack", None)
    package.AutoAttack = AutoAttack  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "autoattack", package)
    assert "autoattack" in available()
    net = Linear(torch.ones(1, 2, 2), -1.0)
    samples = target(net, torch.ones(3, 1, 2, 2), torch.zeros(3, dtype=torch.long), 0.1, 0.3)
    outcome = ATTACKS["autoattack"].find(samples, BUDGET)
    assert outcome.broken.tolist() == [[False] * 3, [True] * 3]
    assert [(one["norm"], one["eps"], one["version"]) for one in asked] == [
        ("Linf", 0.1, "standard"),
        ("Linf", 0.3, "standard"),
    ]


def test_without_a_package_auto_attack_says_so() -> None:
    if "autoattack" in available():
        pytest.skip("a package with AutoAttack is installed")
    samples = target(nn.Flatten(), torch.ones(1, 1, 2), torch.zeros(1, dtype=torch.long), 0.1)
    with pytest.raises(ImportError, match="autoattack, torchattacks"):
        ATTACKS["autoattack"].find(samples, BUDGET)
