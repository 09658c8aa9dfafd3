"""What an attack is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from passband.lab.attacks.outcome import Outcome, Target


@dataclass(frozen=True)
class Budget:
    """How hard is tried.

    Attributes:
        steps: Of iterated attacks with gradients; others take multiples of it.
        restarts: Of those that begin at random: a sample is broken if one of them breaks it.
    """

    steps: int
    restarts: int


Of = Literal["any", "misleading", "random"]

FOR: dict[Of, str] = {
    "any": "any network",
    "misleading": "networks with thresholds or rounding",
    "random": "networks that draw random numbers",
}
"""Which networks an attack is for, in words."""


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        name: On the command line and in rows.
        what: In a few words.
        norm: What an epsilon is of: the largest change of a value, or the root mean square of all.
        find: Tries to break all samples of a target, of which there is at least one.
        of: Which networks it is for: any, those with layers whose gradient says little (thresholds,
            rounding), or those that draw random numbers.
    """

    name: str
    what: str
    norm: Literal["linf", "rms"]
    find: Callable[[Target, Budget], Outcome]
    of: Of = "any"
