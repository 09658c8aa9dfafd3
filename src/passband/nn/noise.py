"""The layer that adds noise to maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from passband.functional.noise import NoiseKind, add_noise, check_generator, check_noise


class NoiseChannel(nn.Module):
    """Adds noise to maps, in evaluation as in training; see `passband.functional.add_noise`.

    In front of a model it is a defence against small changes of its input. It is none against an
    attack that averages gradients over the noise.

    Args:
        sigma: standard deviation, at least 0, in the units of the map.
        kind: `"gaussian"`, `"uniform"` or `"laplace"`.
        generator: draws the noise, on the device of the map; by default PyTorch's own. A copy of
            the layer has a copy of it, in the state that it has then.

    Shape:
        Any, to the same; in the dtype of the input.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: an unknown kind, or sigma below 0 or not finite.
        RuntimeError: in `forward`, a generator of another device.

    Examples:
        >>> layer = NoiseChannel(0.1, "uniform", generator=torch.Generator().manual_seed(0)).eval()
        >>> bool((layer(torch.zeros(100)).abs() < 0.1 * 3**0.5).all())
        True
    """

    def __init__(
        self,
        sigma: float,
        kind: NoiseKind = "gaussian",
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.sigma = check_noise("NoiseChannel", sigma, kind)
        check_generator("NoiseChannel", generator)
        self.kind, self.generator = kind, generator

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Add noise to a map."""
        return add_noise(input, self.sigma, self.kind, generator=self.generator)

    def extra_repr(self) -> str:
        """Standard deviation and kind."""
        return f"sigma={self.sigma:g}, kind={self.kind!r}"
