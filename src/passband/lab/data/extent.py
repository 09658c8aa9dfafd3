"""The range of values that maps have, and strengths as shares of it."""

from dataclasses import dataclass

from torch import Tensor

from passband.lab.data.labeled import LabeledData, first

SAMPLES = 1000  # of the training set, from which it is taken


@dataclass(frozen=True, eq=False)
class Extent:
    """The least and the greatest value of each channel, `(C, 1, ..., 1)`.

    Of images it is that of black and white, so that in unit maps a step of 1/255 is one of 8 bits.
    """

    low: Tensor
    high: Tensor

    def unit(self, maps: Tensor) -> Tensor:
        """Maps `(N, C, *space)` with their range moved to [0, 1]; test maps may lie beyond."""
        return (maps - self.low.to(maps)) / (self.high - self.low).to(maps)

    def of_unit(self, maps: Tensor) -> Tensor:
        """The way back."""
        return self.low.to(maps) + maps * (self.high - self.low).to(maps)


def extent(loaded: LabeledData) -> Extent:
    """The range of the first training samples; a channel of one value has a range of 1."""
    maps = first(loaded.train, SAMPLES)[0].transpose(0, 1).flatten(1)
    shape = (-1, *(1 for _ in loaded.space))
    low, high = maps.amin(1), maps.amax(1)
    return Extent(low.view(shape), high.where(high > low, low + 1).view(shape))
