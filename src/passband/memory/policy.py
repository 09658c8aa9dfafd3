"""What a network keeps for backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from passband.memory.lowband import Basis
from passband.packing.codes import Bits

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
        spectra: how a band-limited convolution keeps its input's half spectrum: `"exact"`, rounded
            to `"bfloat16"`, or as `"int8"`, eight bits with a scale for each 64 numbers.
        maps: how an ordinary convolution keeps its input: `"exact"`, or as its `"low band"` in
            bfloat16 and the rest in a few bits for each element.
        bits: 2, 3, 4 or 8, of that rest.
        basis: of that low band, an eighth on each axis: `"haar"` wavelets, `"dct"` cosines, `"dft"`
            whole waves.

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
            value = getattr(self, name)
            if not any(value == one and type(value) is type(one) for one in get_args(allowed)):
                raise ValueError(
                    f"MemoryPolicy: {name} is one of {get_args(allowed)}; got {value!r}"
                )

    def __str__(self) -> str:
        lost = [
            *([f"spectra in {self.spectra}"] if self.spectra != "exact" else []),
            *([f"maps as low band and {self.bits} bits"] if self.maps == "low band" else []),
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
        """For ordinary convolutions: their inputs' low band, and a few bits of the rest.

        As DIVISION (Wang et al., ICML 2023) has it, with other codes: subtractive dither, so that
        errors are noise of half the variance that rounding at random has.

        Args:
            bits: of the rest, 2, 3, 4 or 8 for each element.
            basis: of the low band, see `MemoryPolicy`.
        """
        return cls(maps="low band", bits=bits, basis=basis)
