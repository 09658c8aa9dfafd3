"""Where and how precisely a run computes: Lightning Fabric."""

import errno
import os
from pathlib import Path
from typing import Any

from lightning.fabric import Fabric
from lightning.fabric.strategies.fsdp import FSDPStrategy

from passband.atomic import replacing
from passband.lab.checkpoint import AtomicCheckpointIO
from passband.lab.config import TrainConfig


def make_fabric(run: TrainConfig) -> Fabric:
    """Lightning's devices, processes and precision of a run.

    Its ``world_size`` is how many processes share the samples.

    Raises:
        ValueError, MisconfigurationException: Lightning knows no such place or precision.
    """
    sharded = run.strategy == "fsdp"
    return Fabric(
        accelerator=run.accelerator,
        devices=run.devices,
        strategy=_Sharded() if sharded else run.strategy,
        num_nodes=run.num_nodes,
        precision=run.precision,  # type: ignore[arg-type]  # checked by Lightning
        plugins=None if sharded else [AtomicCheckpointIO()],
    )


class _Sharded(FSDPStrategy):
    """FSDP with checkpoints as all others have them: one file, whole or absent."""

    def __init__(self) -> None:
        super().__init__(state_dict_type="full")

    def save_checkpoint(self, path: str | os.PathLike[str], *state: Any, **more: Any) -> None:
        if self.global_rank != 0:  # the first process writes, and tells where
            super().save_checkpoint(Path(path), *state, **more)
            return
        with replacing(Path(path)) as file:
            try:
                super().save_checkpoint(file.name, *state, **more)
            except RuntimeError as error:
                if "inline_container" in str(error):  # PyTorch's writer says neither what nor why
                    raise OSError(errno.EIO, os.strerror(errno.EIO), str(path)) from error
                raise
