"""What is known while PyTorch traces: a size is a symbol then, a tensor has no values."""

from __future__ import annotations

import torch


def known(size: int | torch.SymInt) -> int:
    """The size itself or, of a symbol, the one that was seen: for choices that are never wrong."""
    return int(size.node.hint or 1) if isinstance(size, torch.SymInt) else size
