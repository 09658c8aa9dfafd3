"""Signs that attacks are too weak to say anything of a network, or that gradients mislead them.

Athalye et al. 2018, section 3.1; Carlini et al., "On Evaluating Adversarial Robustness", 2019.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from passband.lab.attacks.attack import Budget
from passband.lab.attacks.gradient import boxed, projected
from passband.lab.attacks.outcome import Target

LARGE = 0.5  # every value can be the middle of the range, whatever it was


class Number(NamedTuple):
    """What a check is made of.

    Attributes:
        name: Of the number.
        value: Of it.
        at: Steps or epsilon that it belongs to.
    """

    name: str
    value: float
    at: float


def numbers(target: Target, budget: Budget, plain: nn.Module | None) -> Iterable[Number]:
    """Numbers of one network.

    All attacks are projected gradient descent without a random start, at one epsilon; accuracies
    are shares of the target's samples.

    Args:
        target: With that epsilon alone.
        budget: Of the attack.
        plain: The unconverted network of the same seed, on unit maps; None if it is this one.
    """
    (epsilon,) = target.epsilons

    def left(maps: Tensor) -> float:
        return 1 - float(target.breaks(maps).float().mean())

    for steps in sorted({0, 1, budget.steps // 4, budget.steps // 2, budget.steps}):
        maps = _first_steps(target, budget, steps)
        yield Number("loss", _loss(target, maps), steps)
    for steps in sorted({max(1, budget.steps // 4), budget.steps, 2 * budget.steps}):
        yield Number("steps", left(_attacked(target, steps)), steps)
    yield Number("large", left(_attacked(replace(target, epsilons=(LARGE,)), budget.steps)), LARGE)
    noise = epsilon * torch.rand_like(target.maps).mul(2).sub(1).sign()
    yield Number("noise", left((target.maps + noise).clamp(0, 1)), epsilon)
    if plain is not None:
        moved = _attacked(replace(target, net=plain), budget.steps)
        yield Number("transfer", left(moved), epsilon)


def _attacked(target: Target, steps: int) -> Tensor:
    attack = projected(steps, random_start=False)
    net = boxed(target.net, target.maps)
    found: Tensor = attack(net, target.maps, target.labels, epsilons=target.epsilons[0])[1]
    return found


def _first_steps(target: Target, budget: Budget, steps: int) -> Tensor:
    """Maps after so many steps of the attack that takes all of the budget's."""
    attack = projected(budget.steps, random_start=False)
    attack.steps = steps
    net = boxed(target.net, target.maps)
    found: Tensor = attack(net, target.maps, target.labels, epsilons=target.epsilons[0])[1]
    return found


def _loss(target: Target, maps: Tensor) -> float:
    with torch.no_grad():
        return float(cross_entropy(target.judge(maps), target.labels))
