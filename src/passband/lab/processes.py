"""Which of several cooperating processes this one is."""

from lightning.fabric.utilities.rank_zero import rank_zero_only


def is_first() -> bool:
    """Whether this process writes files and talks to the user; the only one if it is alone."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0
