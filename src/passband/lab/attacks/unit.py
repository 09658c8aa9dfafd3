"""A network that takes maps in [0, 1]."""

from torch import Tensor, nn

from passband.lab.data.extent import Extent


class OnUnit(nn.Module):
    """A network behind the way from unit maps to those that it was trained on.

    An attack on it has its strengths in shares of the data's range. Weights take no gradient.

    Args:
        network: Takes the data's maps; in the mode of tests.
        extent: Of the data.
    """

    def __init__(self, network: nn.Module, extent: Extent) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.extent = extent
        self.eval()

    def forward(self, maps: Tensor) -> Tensor:
        """Unit maps ``(N, C, *space)`` to logits ``(N, classes)``."""
        logits: Tensor = self.network(self.extent.of_unit(maps))
        return logits

    def unit(self, maps: Tensor) -> Tensor:
        """Maps of the data as unit maps; what lies beyond the range is cut off."""
        return self.extent.unit(maps).clamp(0, 1)
