"""What attacks of a list, and checks of them, say of one network."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from passband.lab.attacks.attack import Attack, Budget
from passband.lab.attacks.averaged import Averaged, is_random
from passband.lab.attacks.checks import numbers
from passband.lab.attacks.outcome import Outcome, Target, of_nothing, together
from passband.lab.attacks.pixels import PIXELS
from passband.lab.attacks.straight_through import misleads
from passband.lab.attacks.strongest import telling
from passband.lab.attacks.unit import OnUnit
from passband.lab.evaluation import Batch
from passband.lab.measurement import short


class Measured(NamedTuple):
    """One number.

    Attributes:
        metric: What was measured.
        value: The number.
        at: The epsilon, or else how many steps or pixels it belongs to.
    """

    metric: str
    value: float
    at: float | None = None


class Network:
    """A network and the samples that it is attacked with.

    Samples that it is wrong of without an attack count as broken, and are not attacked.

    Args:
        net: The network.
        batches: Of its test set, on its device.
        epsilons: Strengths, in shares of the range, the least first.
        seed: Of all that is random.
    """

    def __init__(
        self, net: OnUnit, batches: Sequence[Batch], epsilons: tuple[float, ...], seed: int
    ) -> None:
        self.net, self.epsilons, self.seed = net, epsilons, seed
        self.first = batches[0]
        self.random = is_random(net, net.unit(batches[0][0][:2]))
        judge = Averaged(net) if self.random else net
        self.total = sum(len(labels) for _, labels in batches)
        self.targets = []
        with _seeded(seed):
            for maps, labels in batches:
                unit = net.unit(maps)
                every = Target(net, judge, unit, labels, epsilons)
                right = ~every.breaks(unit)
                self.targets.append(replace(every, maps=unit[right], labels=labels[right]))

    @property
    def right(self) -> float:
        """Share of the samples that it is right of without an attack."""
        return short(sum(len(target.labels) for target in self.targets) / self.total)

    def under(self, attacks: Sequence[Attack], budget: Budget) -> Iterator[Measured]:
        """Accuracies under each attack that is for such a network, and under the worst of them."""
        found = {}
        for attack in attacks:
            if self._takes(attack):
                with _seeded(self.seed):
                    outcome = together([_outcome(attack, one, budget) for one in self.targets])
                found[attack] = outcome
                yield from self._accuracies(attack.name, outcome.broken)
                yield from self._least(attack.name, outcome)
        if found:
            within = [self._within(attack, outcome) for attack, outcome in found.items()]
            every = [outcome.broken for outcome in found.values()]
            yield from self._accuracies("worst_linf", _worst(within))
            yield from self._accuracies("worst", _worst(every))

    def checked(self, budget: Budget, plain: OnUnit | None) -> Iterator[Measured]:
        """What the checks are made of, of the first batch; see ``numbers``.

        They are made at the smallest epsilon at which less than half of what the plain network is
        right of holds, else at the largest.

        Args:
            budget: Of the attack.
            plain: The unconverted network of the same seed; None if it is this one.
        """
        if len(self.targets[0].labels):
            likely = self if plain is None else self._same_of(plain)
            with _seeded(self.seed):
                epsilon = telling(likely.targets[0], budget.steps)
            target = replace(self.targets[0], epsilons=(epsilon,))
            with _seeded(self.seed):
                for name, value, at in numbers(target, budget, plain):
                    yield Measured(f"check_{name}", short(value), at)

    def _same_of(self, net: OnUnit) -> "Network":
        """Another network with the first batch."""
        return Network(net, [self.first], self.epsilons, self.seed)

    def _takes(self, attack: Attack) -> bool:
        return (
            attack.of == "any"
            or (attack.of == "misleading" and misleads(self.net))
            or (attack.of == "random" and self.random)
        )

    def _within(self, attack: Attack, outcome: Outcome) -> Tensor:
        """What an attack broke by changes of each value of at most epsilon; ``(epsilons, N)``."""
        if attack.norm == "linf" or outcome.linf is None:
            return outcome.broken
        limits = torch.tensor(self.epsilons, device=outcome.linf.device)
        return outcome.linf <= limits[:, None]

    def _accuracies(self, name: str, broken: Tensor) -> Iterator[Measured]:
        for epsilon, held in zip(self.epsilons, (~broken).sum(1).tolist(), strict=True):
            yield Measured(f"accuracy_{name}", short(held / self.total), epsilon)

    def _least(self, name: str, outcome: Outcome) -> Iterator[Measured]:
        if outcome.l2 is not None and len(outcome.l2):
            yield Measured(f"median_l2_{name}", short(_median(outcome.l2)))
        if outcome.pixels is not None and name == "pixels":
            for count in range(1, PIXELS + 1):
                held = int((outcome.pixels > count).sum())
                yield Measured("accuracy_by_pixels", short(held / self.total), count)


def _outcome(attack: Attack, target: Target, budget: Budget) -> Outcome:
    return attack.find(target, budget) if len(target.labels) else of_nothing(target)


def _worst(broken: Sequence[Tensor]) -> Tensor:
    """What any attack broke at an epsilon or at one below, whose change is one of it as well."""
    return torch.stack(list(broken)).any(0).int().cummax(0).values.bool()


def _median(values: Tensor) -> float:
    """The middle one, or the mean of the two in the middle."""
    ordered = sorted(values.tolist())
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return low if low == high else math.fsum((low, high)) / 2


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Runs its body with the random numbers of a seed, and leaves those of others as they are."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
