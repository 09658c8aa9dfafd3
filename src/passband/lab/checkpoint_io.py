"""Lightning's ways to save a checkpoint, such that it is whole or absent."""

import errno
import io
import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.fabric.strategies.fsdp import FSDPStrategy

from passband.atomic import replacing, write_atomic


class AtomicCheckpointIO(TorchCheckpointIO):
    """Saves beside the target and renames.

    Lightning's own writes to the system's temporary folder and moves the file from there, which
    between two file systems is a copy that a kill cuts in half.
    """

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | os.PathLike[str],
        storage_options: Any | None = None,
    ) -> None:
        """Writes a checkpoint in one step; an ``OSError`` names ``path``."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(Path(path), buffer.getvalue())


class Sharded(FSDPStrategy):
    """FSDP with checkpoints as all others have them: one file, whole or absent."""

    def __init__(self) -> None:
        super().__init__(state_dict_type="full")

    def save_checkpoint(self, path: str | os.PathLike[str], *state: Any, **more: Any) -> None:
        """Writes a checkpoint in one step; an ``OSError`` names ``path``."""
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
