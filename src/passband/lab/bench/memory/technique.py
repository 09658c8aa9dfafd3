"""Ways to train in less memory: PyTorch's own, ours, and both."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

import passband as pb
from passband.lab.bench.memory.regions import Regions, checkpointed

_EXACT, _BF16 = pb.MemoryPolicy.exact(), pb.MemoryPolicy.bf16()
_UNCHANGED = pb.MemoryPolicy.unchanged_forward()


@dataclass(frozen=True)
class Technique:
    """One way to train a network.

    Attributes:
        name: What the table calls it.
        keep: Of the half spectrum, if its convolutions are band-limited.
        policy: What its blocks hold.
        regions: Which parts are computed again by PyTorch's activation checkpointing.
        offload: Whether what is held waits in the memory of the host.
        dtype: ``float32``, or ``bfloat16`` for autocast.
    """

    name: str
    keep: float | None = None
    policy: pb.MemoryPolicy | None = None
    regions: Regions | None = None
    offload: bool = False
    dtype: str = "float32"

    @property
    def label(self) -> str:
        """A name of its own.

        Example:
            >>> Technique("exact", keep=0.5).label
            'exact, keep 0.5'
        """
        return self.name if self.keep is None else f"{self.name}, keep {self.keep:g}"

    @property
    def essence(self) -> "Technique":
        """Only what results and gradients depend on: where it is the same, accuracy is the same.

        Holding less by computing again or by moving changes nothing; nor, beyond rounding, does a
        policy that loses nothing.
        """
        lossy = self.policy is not None and self.policy.lossy
        policy = self.policy if lossy else None
        return Technique("", keep=self.keep, policy=policy, dtype=self.dtype)


PLAIN = Technique("plain")
_WITHOUT_BAND = (
    PLAIN,
    Technique("checkpoint", regions="whole"),
    Technique("selective checkpoint", regions="selective"),
    Technique("save_on_cpu", offload=True),
    Technique("autocast", dtype="bfloat16"),
    Technique("autocast + checkpoint", regions="whole", dtype="bfloat16"),
    Technique("exact, no band", policy=_EXACT),
    Technique("unchanged_forward", policy=_UNCHANGED),
    Technique("unchanged_forward + autocast", policy=_UNCHANGED, dtype="bfloat16"),
)
_WITH_BAND = (
    Technique("band"),
    Technique("band + checkpoint", regions="whole"),
    Technique("exact", policy=_EXACT),
    Technique("exact + autocast", policy=_EXACT, dtype="bfloat16"),
    Technique("bf16", policy=_BF16),
    Technique("bf16 + save_on_cpu", policy=_BF16, offload=True),
)
BY_PYTORCH = frozenset(one.name for one in _WITHOUT_BAND if one.policy is None)


def techniques(keeps: Sequence[float]) -> list[Technique]:
    """Plain first, then what knows no band, then the rest at each keep."""
    return [*_WITHOUT_BAND, *(replace(one, keep=keep) for one in _WITH_BAND for keep in keeps)]


def apply(
    technique: Technique, model: nn.Module, example: Tensor
) -> tuple[nn.Module, float | None]:
    """The model as the technique runs it, and what its layers then really keep.

    Autocast is left to the caller.

    Args:
        technique: Which one.
        model: The plain network, on its device; it is changed.
        example: An input.

    Raises:
        ValueError: There is no other memory to offload to.
    """
    if technique.offload and example.device.type == "cpu":
        raise ValueError("a CPU has no other memory to move to")
    measured = None
    if technique.keep is not None:
        report = pb.convert_(model, pb.Band(keep=technique.keep), example=example)
        measured = report.keep_measured
    if technique.policy is not None:
        pb.convert_(model, None, memory=technique.policy)
    if technique.regions is not None:
        model = checkpointed(model, technique.regions)
    return (_Offloaded(model) if technique.offload else model), measured


class _Offloaded(nn.Module):
    """Moves what a model holds for backward to the host, in pages that a GPU can read itself.

    Args:
        model: On a GPU.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """What the model returns."""
        with torch.autograd.graph.save_on_cpu(pin_memory=True):
            y: Tensor = self.model(x)
        return y
