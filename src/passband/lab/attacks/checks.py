"""Signs that attacks are too weak to say anything of a network, or that gradients mislead them.

Athalye et al. 2018, section 3.1; Carlini et al., "On Evaluating Adversarial Robustness", 2019.
"""

from collections.abc import Iterable
from dataclasses import replace
from statistics import fmean
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from passband.lab.attacks.attack import Budget
from passband.lab.attacks.averaged import is_random
from passband.lab.attacks.outcome import Target
from passband.lab.attacks.strongest import attacked, left, strongest

LARGE = 0.5  # every value can be the middle of the range, whatever it was
_LOOKS = 5  # at the maps of a random network


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

    All attacks are projected gradient descent without a random start, along those of its gradients
    that leave the least, at one epsilon; accuracies are shares of the target's samples. Of a random
    network they are means of several looks, and ``chance`` is how far those are apart.

    Args:
        target: With that epsilon alone.
        budget: Of the attack.
        plain: The unconverted network of the same seed, on unit maps; None if it is this one.
    """
    (epsilon,) = target.epsilons
    random = is_random(target.net, target.maps[:2])
    looks = _LOOKS if random else 1
    target = strongest(target, budget.steps)

    def held(maps: Tensor) -> float:
        return fmean(left(target, maps) for _ in range(looks))

    for steps in sorted({0, 1, budget.steps // 4, budget.steps // 2, budget.steps}):
        maps = attacked(target, steps, of=budget.steps)
        yield Number("loss", fmean(_loss(target, maps) for _ in range(looks)), steps)
    for steps in sorted({max(1, budget.steps // 4), budget.steps, 2 * budget.steps}):
        yield Number("steps", held(attacked(target, steps)), steps)
    yield Number("large", held(attacked(replace(target, epsilons=(LARGE,)), budget.steps)), LARGE)
    noise = epsilon * torch.rand_like(target.maps).mul(2).sub(1).sign()
    yield Number("noise", held((target.maps + noise).clamp(0, 1)), epsilon)
    if plain is not None:
        other = strongest(replace(target, net=plain), budget.steps)
        yield Number("transfer", held(attacked(other, budget.steps)), epsilon)
    if random:
        maps = attacked(target, budget.steps)
        several = [left(target, maps) for _ in range(looks)]
        yield Number("chance", max(several) - min(several), epsilon)


def _loss(target: Target, maps: Tensor) -> float:
    with torch.no_grad():
        return float(cross_entropy(target.judge(maps), target.labels))
