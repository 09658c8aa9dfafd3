"""What a network keeps for backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from passband.memory.codes import Bits
from passband.memory.lowband import Basis

Spectra = Literal["exact", "bfloat16", "int8"]
Maps = Literal["exact", "low band"]


@dataclass(frozen=True)
class MemoryPolicy:
    """What the blocks of a network keep for backward; use a preset.

    A block is a convolution with the normalisation, activation, pooling and sum after it. Whatever
    the policy, outputs are those of the model without one. What normalisations and smooth
    activations need is computed again from what the convolution before them keeps of its input, and
    activations of two slopes keep one bit for each element.

    Attributes:
        spectra: how a band-limited convolution keeps its input's half spectrum: `"exact"`, or
            rounded to `"bfloat16"`.
        maps: how an ordinary convolution keeps its input: `"exact"`, or as its `"low band"` in
            bfloat16 and the rest in two bits for each element.

    Raises:
        ValueError: another word.

    Examples:
        >>> MemoryPolicy.exact().lossy, MemoryPolicy.bf16().lossy
        (False, True)
    """

    spectra: Spectra = "exact"
    maps: Maps = "exact"
    bits: Bits = 3
    basis: Basis = "haar"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("spectra", Spectra), ("maps", Maps), ("bits", Bits), ("basis", Basis),
        ):  # fmt: skip
            if getattr(self, name) not in get_args(allowed):
                raise ValueError(
                    f"MemoryPolicy: {name} is one of {get_args(allowed)}; got "
                    f"{getattr(self, name)!r}"
                )

    def __str__(self) -> str:
        lost = [
            *(["spectra in bfloat16"] if self.spectra == "bfloat16" else []),
            *(["maps as low band and two bits"] if self.maps == "low band" else []),
        ]
        return " and ".join(lost) or "exact"

    @property
    def convolutions(self) -> int:
        """How many may be computed again for one tensor."""
        return 2 if self.maps == "exact" else 0

    @property
    def lossy(self) -> bool:
        """Whether gradients differ by more than rounding from those without a policy."""
        return (self.spectra, self.maps) != ("exact", "exact")

    @classmethod
    def exact(cls) -> MemoryPolicy:
        """Gradients are those without a policy, to rounding."""
        return cls()

    @classmethod
    def bf16(cls) -> MemoryPolicy:
        """Spectra in bfloat16: half the bytes; weights' gradients lose some accuracy."""
        return cls(spectra="bfloat16")

    @classmethod
    def unchanged_forward(cls, bits: Bits = 3, basis: Basis = "haar") -> MemoryPolicy:
        """For ordinary convolutions: their inputs' low band, and two bits of the rest."""
        return cls(maps="low band", bits=bits, basis=basis)
