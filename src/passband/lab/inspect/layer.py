"""What is known of a layer, and of all together."""

from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """One pass through one layer.

    Attributes:
        name: In the model; empty for the model itself.
        type: Its class.
        input: Shape of its first input; None if that is no map.
        output: Likewise.
        plan: How a convolution is computed: ``direct``, or the way of a band-limited one.
        requested: A band, as it was stated, for instance ``keep=0.5``; empty without one.
        keep: What the band really keeps of the half spectrum; None without a band.
        coefficients: Of the half spectrum of all channels of a sample, the weight of ``keep`` in
            the mean over layers; None without a band.
        flops: Operations of the forward pass, see ``flops``; None where they are not counted.
        saved_bytes: Of the storages that autograd holds for backward, those that this layer took
            hold of first.
        energy: Share of the input's energy that the band keeps; None without a band, or if it was
            not asked for.
    """

    name: str
    type: str
    input: Shape | None
    output: Shape | None
    plan: str
    requested: str
    keep: float | None
    coefficients: int | None
    flops: int | None
    saved_bytes: int
    energy: float | None


@dataclass(frozen=True)
class Inspection:
    """All layers of a model, each time that one of them runs, in the order of the first pass.

    Attributes:
        model: Its name.
        layers: One for each pass through a layer. A module that has layers is among them where it
            holds something itself.
    """

    model: str
    layers: tuple[Layer, ...]

    @property
    def flops(self) -> int:
        """Operations of all layers whose operations are counted."""
        return sum(layer.flops or 0 for layer in self.layers)

    @property
    def saved_bytes(self) -> int:
        """All that autograd holds for backward, as ``passband.memory.saved`` counts it."""
        return sum(layer.saved_bytes for layer in self.layers)

    @property
    def keep(self) -> float | None:
        """Kept coefficients over all, of the layers with a band; None if there is none."""
        kept = [(one.keep, one.coefficients) for one in self.layers if one.keep is not None]
        whole = sum(count or 0 for _, count in kept)
        return sum(keep * (count or 0) for keep, count in kept) / whole if whole else None
