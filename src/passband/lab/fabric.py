"""Where and how precisely a run computes: Lightning Fabric.

Importing it takes seconds, which a line of help or an error in a word should not cost: it is
imported when something is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from passband.lab.config import TrainConfig

if TYPE_CHECKING:
    from lightning.fabric import Fabric


def make_fabric(run: TrainConfig) -> Fabric:
    """Lightning's devices, processes and precision of a run.

    Its ``world_size`` is how many processes share the samples.

    Raises:
        ValueError, MisconfigurationException: Lightning knows no such place or precision.
    """
    from lightning.fabric import Fabric

    from passband.lab.checkpoint_io import AtomicCheckpointIO, Sharded

    sharded = run.strategy == "fsdp"
    return Fabric(
        accelerator=run.accelerator,
        devices=run.devices,
        strategy=Sharded() if sharded else run.strategy,
        num_nodes=run.num_nodes,
        precision=run.precision,  # type: ignore[arg-type]  # checked by Lightning
        plugins=None if sharded else [AtomicCheckpointIO()],
    )


def seed_everything(seed: int) -> None:
    """Seeds all that is random, in processes that are started later, too."""
    from lightning.fabric import seed_everything as seed_all

    seed_all(seed, verbose=False)
