"""Of the ways along a network's gradient the one that breaks most."""

from dataclasses import replace

from torch import Tensor, nn

from passband.lab.attacks.averaged import Averaged, is_random
from passband.lab.attacks.gradient import boxed, projected
from passband.lab.attacks.outcome import Target
from passband.lab.attacks.straight_through import misleads, straight_through


def attacked(target: Target, steps: int, *, of: int | None = None) -> Tensor:
    """Maps by projected gradient descent without a random start, at the target's one epsilon.

    Args:
        target: What is attacked.
        steps: How many are made.
        of: How many the attack has, which says how long they are; None is as many as are made.
    """
    attack = projected(of or steps, random_start=False)
    attack.steps = steps
    net = boxed(target.net, target.maps)
    found: Tensor = attack(net, target.maps, target.labels, epsilons=target.epsilons[0])[1]
    return found


def left(target: Target, maps: Tensor) -> float:
    """Share of the samples that hold as these maps."""
    return 1 - float(target.breaks(maps).float().mean())


def strongest(target: Target, steps: int) -> Target:
    """The target with the gradients, of those for such a network, that leave the least.

    They are its own, those straight through thresholds and rounding, and the mean of several draws.
    """
    nets: list[nn.Module] = [target.net]
    if misleads(target.net):
        nets.append(straight_through(target.net))
    if is_random(target.net, target.maps[:2]):
        nets.append(Averaged(straight_through(target.net)))
    if len(nets) == 1:
        return target
    ways = [replace(target, net=net) for net in nets]
    return min(ways, key=lambda way: left(way, attacked(way, steps)))


def telling(target: Target, steps: int) -> float:
    """The smallest epsilon at which less than half of the samples hold, else the largest."""
    for epsilon in target.epsilons if len(target.labels) else ():
        one = replace(target, epsilons=(epsilon,))
        way = strongest(one, steps)
        if left(one, attacked(way, steps)) < 0.5:
            return epsilon
    return target.epsilons[-1]
