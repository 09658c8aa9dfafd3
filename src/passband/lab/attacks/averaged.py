"""Networks that draw random numbers, as the mean of several draws."""

import torch
from torch import Tensor, nn

DRAWS = 10


class Averaged(nn.Module):
    """The mean logits of several draws of a random network, and the mean of their gradients.

    Args:
        network: Draws anew in each forward pass.
        draws: How many.

    Source:
        Athalye et al., "Synthesizing Robust Adversarial Examples", ICML 2018: expectation over
        transformation.
    """

    def __init__(self, network: nn.Module, draws: int = DRAWS) -> None:
        super().__init__()
        self.network, self.draws = network, draws
        self.eval()

    def forward(self, maps: Tensor) -> Tensor:
        """Maps to the mean logits ``(N, classes)``."""
        return torch.stack([self.network(maps) for _ in range(self.draws)]).mean(0)


def is_random(network: nn.Module, maps: Tensor) -> bool:
    """Whether two passes of the same maps differ."""
    with torch.no_grad(), torch.random.fork_rng():
        return not torch.equal(network(maps), network(maps))
