"""Offloading (vDNN's idea, Rhu et al. 2016): what is held for backward waits in other memory."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

_NUMPY = {torch.bfloat16: torch.int16}  # NumPy has no such numbers: their bits


class HostOffloaded(nn.Module):
    """Moves what a model holds for backward out of PyTorch's memory into NumPy's.

    A CPU has no other memory to move to. What PyTorch's allocator then still holds is what would
    stay on a device, and the copies there and back are real; the bus between them is not.

    Args:
        model: On a CPU.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """What the model returns."""
        with torch.autograd.graph.saved_tensors_hooks(_away, _back):
            y: Tensor = self.model(x)
        return y


_Held = Tensor | tuple[npt.NDArray[np.generic], torch.dtype]


def _away(t: Tensor) -> _Held:
    if isinstance(t, nn.Parameter) or not t.numel():
        return t  # it is there anyway
    bits = t.detach().view(_NUMPY.get(t.dtype, t.dtype))
    return bits.numpy().copy(order="K"), t.dtype  # a product of another layout rounds otherwise


def _back(held: _Held) -> Tensor:
    if isinstance(held, Tensor):
        return held
    array, dtype = held
    return torch.from_numpy(array).view(dtype).clone()
