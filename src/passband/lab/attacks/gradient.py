"""Attacks that follow the gradient, as Foolbox has them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from passband.lab.attacks.attack import Budget
from passband.lab.attacks.averaged import Averaged
from passband.lab.attacks.outcome import Outcome, Target, of_given, of_least
from passband.lab.attacks.package import foolbox
from passband.lab.attacks.straight_through import straight_through

_STRIDE = 2.5  # all steps of an iterated attack together, over epsilon (Madry et al. 2018)
_CW_SEARCHES = 5
_CW_STEPS = 3  # times the budget's, in each search
# Larger than Foolbox's, which has 10000 steps in each of 9 searches: so few are enough to find
# changes as small as DeepFool's.
_CW_RATE = 0.2
_CW_WEIGHT = 1.0


def boxed(net: nn.Module, maps: Tensor) -> Any:
    """A network of unit maps as Foolbox wants it."""
    return foolbox().PyTorchModel(net, bounds=(0, 1), device=maps.device)


def fgsm(target: Target, budget: Budget) -> Outcome:
    """One step along the sign of the gradient (Goodfellow et al. 2015)."""
    return _given(target, foolbox().attacks.LinfFastGradientAttack())


def pgd(target: Target, budget: Budget) -> Outcome:
    """Steps of the gradient's sign from a random start, back into the ball after each."""
    return _given(target, projected(budget.steps).repeat(budget.restarts))


def projected(steps: int, *, random_start: bool = True) -> Any:
    """Foolbox's projected gradient descent with so many steps."""
    return foolbox().attacks.LinfProjectedGradientDescentAttack(
        rel_stepsize=_STRIDE / steps, steps=steps, random_start=random_start
    )


def pgd_margin(target: Target, budget: Budget) -> Outcome:
    """As ``pgd``, along the margin between logits, which stays steep where a softmax is flat."""
    attack = projected(budget.steps)
    attack.get_loss_fn = margin
    return _given(target, attack.repeat(budget.restarts))


def pgd_straight(target: Target, budget: Budget) -> Outcome:
    """As ``pgd``, with gradients that pass thresholds and rounding as if not there."""
    return pgd(replace(target, net=straight_through(target.net)), budget)


def pgd_averaged(target: Target, budget: Budget) -> Outcome:
    """As ``pgd``, along the mean gradient of several draws, straight through rounding."""
    return pgd(replace(target, net=Averaged(straight_through(target.net))), budget)


def cw(target: Target, budget: Budget) -> Outcome:
    """The least Euclidean change by Adam, and a search for its weight (Carlini & Wagner 2017)."""
    attack = foolbox().attacks.L2CarliniWagnerAttack(
        binary_search_steps=_CW_SEARCHES, steps=_CW_STEPS * budget.steps, stepsize=_CW_RATE,
        initial_const=_CW_WEIGHT,
    )  # fmt: skip
    return _least(target, attack)


def deepfool(target: Target, budget: Budget) -> Outcome:
    """The least Euclidean change to the nearest border of a linear network, step by step."""
    return _least(target, foolbox().attacks.L2DeepFoolAttack(steps=2 * budget.steps))


def _given(target: Target, attack: Any) -> Outcome:
    net = boxed(target.net, target.maps)
    _, found, _ = attack(net, target.maps, target.labels, epsilons=list(target.epsilons))
    return of_given(target, found)


def _least(target: Target, attack: Any) -> Outcome:
    net = boxed(target.net, target.maps)
    _, found, _ = attack(net, target.maps, target.labels, epsilons=None)
    return of_least(target, found)


def margin(net: Any, labels: Any) -> Callable[[Any], Any]:
    """The sum over samples of the best other logit less the true one, in Foolbox's form.

    Args:
        net: As Foolbox has it.
        labels: Likewise.
    """

    def loss(maps: Any) -> Any:
        logits = net(maps)
        true: Tensor = labels.raw[:, None]
        own = logits.raw.gather(1, true)[:, 0]
        best_other = logits.raw.scatter(1, true, -float("inf")).amax(1)
        return type(logits)((best_other - own).sum())

    return loss
