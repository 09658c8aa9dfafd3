"""Checkpoints that are whole or absent, and a clear word about those that are not."""

import io
import os
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from passband.atomic import write_atomic

FILE_NAME = "last.ckpt"
PARTS = ("model", "optimizer", "schedule", "precision", "history", "callbacks", "epoch")


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


def weights(path: Path) -> dict[str, torch.Tensor]:
    """The model's state in a checkpoint, on the CPU; however many processes trained, all of it."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    return dict(content["model"])


def check(path: Path, model: torch.nn.Module) -> None:
    """Proves that a checkpoint can be read and is of this model, which then has its weights.

    Args:
        path: The checkpoint.
        model: Takes the checkpoint's weights.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is damaged or of another model; the message names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    try:
        with ZipFile(path) as archive:  # torch reads it without a look at the checksums
            if (member := archive.testzip()) is not None:
                raise ValueError(f"{member} does not match its checksum")
        # weights_only: a checkpoint is data, and must not run code.
        content = torch.load(path, map_location="cpu", weights_only=True)
        missing = [name for name in PARTS if name not in content]
        if missing:
            raise ValueError(f"it has no {', '.join(missing)}")
        model.load_state_dict(content["model"])
    except Exception as error:  # zip and pickle fail in many ways
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"checkpoint {path} is damaged or of another model: {reason}") from error
