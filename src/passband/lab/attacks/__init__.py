"""Attacks on networks: what the least change of a map does to their accuracy."""

from passband.lab.attacks.attack import FOR, Attack, Budget
from passband.lab.attacks.averaged import Averaged, is_random
from passband.lab.attacks.network import Network
from passband.lab.attacks.outcome import Outcome, Target
from passband.lab.attacks.straight_through import misleads, straight_through
from passband.lab.attacks.table import ATTACKS, available
from passband.lab.attacks.unit import OnUnit

__all__ = [
    "ATTACKS", "FOR", "Attack", "Averaged", "Budget", "Network", "OnUnit", "Outcome", "Target",
    "available", "is_random", "misleads", "straight_through",
]  # fmt: skip
