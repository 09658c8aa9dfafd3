"""What a checkpoint holds, and a clear word about one that does not."""

from pathlib import Path
from zipfile import ZipFile

import torch

FILE_NAME = "last.ckpt"
PARTS = ("model", "optimizer", "schedule", "precision", "history", "callbacks", "epoch")


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
        raise FileNotFoundError(f"there is no checkpoint {path}: begin without --resume")
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
