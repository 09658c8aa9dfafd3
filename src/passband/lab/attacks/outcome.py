"""What is attacked, and what of it an attack broke."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Target:
    """Samples of which a network is right, until they are attacked.

    Attributes:
        net: What attacks ask for logits and gradients; takes unit maps.
        judge: What says whether a sample is broken.
        maps: ``(N, C, *space)`` in [0, 1].
        labels: ``(N,)``.
        epsilons: Strengths, in shares of the range.
    """

    net: nn.Module
    judge: nn.Module
    maps: Tensor
    labels: Tensor
    epsilons: tuple[float, ...]

    def breaks(self, maps: Tensor) -> Tensor:
        """Of which of these maps, one for each sample, the judge is wrong; ``(N,)``."""
        with torch.no_grad():
            logits: Tensor = self.judge(maps)
        return logits.argmax(1) != self.labels


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an attack broke.

    Attributes:
        broken: ``(epsilons, N)``: whether a sample broke at a strength, in the attack's norm.
        linf: ``(N,)``: the largest change of a value that broke a sample, infinite if it held;
            None of attacks at given strengths.
        l2: Likewise the Euclidean norm of the change.
        pixels: Likewise how many pixels were changed, of an attack that counts them.
    """

    broken: Tensor
    linf: Tensor | None = None
    l2: Tensor | None = None
    pixels: Tensor | None = None


def of_given(target: Target, found: Sequence[Tensor]) -> Outcome:
    """Of an attack at given strengths.

    Args:
        target: What was attacked.
        found: Maps ``(N, C, *space)`` for each strength.
    """
    return Outcome(torch.stack([target.breaks(maps) for maps in found]))


def of_least(target: Target, found: Tensor, pixels: Tensor | None = None) -> Outcome:
    """Of an attack that looks for the least change.

    A strength stands for the root mean square of the change: that ball holds the one of changes
    that are nowhere larger.

    Args:
        target: What was attacked.
        found: One map for each sample; it counts if it breaks.
        pixels: Changed ones, if that is what the attack counts.
    """
    change = (found - target.maps).flatten(1)
    broke = target.breaks(found)
    never = torch.full_like(change[:, 0], math.inf)
    l2 = change.norm(dim=1).where(broke, never)
    root = math.sqrt(change.shape[1])
    return Outcome(
        broken=torch.stack([l2 <= epsilon * root for epsilon in target.epsilons]),
        linf=change.abs().amax(1).where(broke, never),
        l2=l2,
        pixels=None if pixels is None else pixels.to(never).where(broke, never),
    )


def of_nothing(target: Target) -> Outcome:
    """Of any attack where there is no sample to break."""
    none = torch.zeros(0, device=target.maps.device)
    return Outcome(torch.zeros(len(target.epsilons), 0, dtype=torch.bool).to(none.device), none,
                   none, none)  # fmt: skip


def together(parts: Sequence[Outcome]) -> Outcome:
    """Outcomes of one attack on several batches as one."""

    def joined(name: str) -> Tensor | None:
        values = [getattr(part, name) for part in parts]
        return None if any(one is None for one in values) else torch.cat(values)

    return Outcome(
        torch.cat([part.broken for part in parts], 1),
        joined("linf"),
        joined("l2"),
        joined("pixels"),
    )
