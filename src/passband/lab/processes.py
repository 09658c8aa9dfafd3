"""Which of several cooperating processes this one is."""

import os
import sys

# What launchers give the processes that they start.
_OF_LAUNCHERS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")


def is_first() -> bool:
    """Whether this process writes files and talks to the user; the only one if it is alone."""
    launched = any(name in os.environ for name in _OF_LAUNCHERS)
    if not launched and "lightning.fabric" not in sys.modules:
        return True  # and Lightning, which takes seconds to import, need not be asked
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    return int(getattr(rank_zero_only, "rank", 0)) == 0
