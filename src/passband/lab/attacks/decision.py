"""Attacks that see no more than a network's decisions, as Foolbox has them."""

import warnings
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from passband.lab.attacks.attack import Budget
from passband.lab.attacks.gradient import boxed
from passband.lab.attacks.outcome import Outcome, Target, of_least
from passband.lab.attacks.package import foolbox

_STEPS = 25  # times the budget's: such a step is one pass forward, and brings little
_TRIES = 100  # of random maps to begin at
_BLENDS = 50  # steps on the way there


def boundary(target: Target, budget: Budget) -> Outcome:
    """A walk along the border of a wrong class, nearer and nearer (Brendel et al. 2018).

    It begins where a sample breaks that is mixed with noise, or with the nearest of another class.
    """
    begin = _beginnings(target)
    able = broken_together(target, begin)
    found = target.maps.clone()
    if able.any():
        attack = foolbox().attacks.BoundaryAttack(steps=_STEPS * budget.steps)
        with warnings.catch_warnings():
            # Its count of successes has none yet of samples whose step was just changed.
            warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
            found[able] = _found(target, attack, able, starting_points=begin[able])
    return of_least(target, found)


def salt_pepper(target: Target, budget: Budget) -> Outcome:
    """Random pixels black or white, as few as break."""
    attack = foolbox().attacks.SaltAndPepperNoiseAttack(steps=_STEPS * budget.steps)
    every = torch.ones_like(target.labels, dtype=torch.bool)
    return of_least(target, _found(target, attack, every))


def _found(target: Target, attack: Any, some: Tensor, **more: Any) -> Tensor:
    net = boxed(target.net, target.maps)
    maps, labels = target.maps[some], target.labels[some]
    found: Tensor = attack(net, maps, labels, epsilons=None, **more)[0]
    return found


def broken_together(target: Target, maps: Tensor) -> Tensor:
    """Which maps are broken in a batch of no others; ``(N,)``.

    A band by energy is that of the batch: fewer maps may be decided otherwise than all of them.
    """
    some = torch.ones_like(target.labels, dtype=torch.bool)
    while some.any():
        broke = replace(target, labels=target.labels[some]).breaks(maps[some])
        if broke.all():
            break
        some[some.clone()] = broke
    return some


def _beginnings(target: Target) -> Tensor:
    """A broken map for each sample, where there is one: the nearer of two ways."""
    noise = foolbox().attacks.LinearSearchBlendedUniformNoiseAttack(
        directions=_TRIES, steps=_BLENDS
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*failed to draw sufficient random", UserWarning)
        mixed = noise.run(boxed(target.net, target.maps), target.maps, target.labels)
    ways = [mixed, _towards(target, _of_another_class(target))]
    lengths = [
        (way - target.maps).flatten(1).norm(dim=1).masked_fill(~target.breaks(way), float("inf"))
        for way in ways
    ]
    nearer = torch.stack(lengths).argmin(0)
    samples = torch.arange(len(nearer), device=nearer.device)
    return torch.stack(ways)[nearer, samples]


def _of_another_class(target: Target) -> Tensor:
    """The nearest sample of another class for each sample."""
    flat = target.maps.flatten(1)
    same = target.labels[:, None] == target.labels
    return target.maps[torch.cdist(flat, flat).masked_fill(same, float("inf")).argmin(1)]


def _towards(target: Target, others: Tensor) -> Tensor:
    """The first broken map on the way to another, in steps; the other where none is."""
    found, waiting = others.clone(), torch.ones_like(target.labels, dtype=torch.bool)
    for step in range(1, _BLENDS):
        maps = target.maps + step / _BLENDS * (others - target.maps)
        new = waiting & target.breaks(maps)
        found[new] = maps[new]
        waiting &= ~new
    return found
