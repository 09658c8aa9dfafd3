"""Maps of the first layer of a spectral network at several thresholds."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

import passband as pb
from passband.atomic import write_atomic
from passband.functional.spectral.selection import spectral_threshold
from passband.functional.spectral.transform import to_space
from passband.nn import SpecBlock2d


@dataclass(frozen=True, eq=False)
class FirstMaps:
    """What the first layer makes of one image, at each threshold.

    Attributes:
        beta: The thresholds.
        density: Share of all its coefficients that is kept, at each.
        space: The maps ``(betas, channels, height, width)``.
        spectrum: 20 log10(|X| + 1) of their spectra, all frequencies, zero in the middle,
            ``(betas, channels, rows, columns)``.
    """

    beta: tuple[float, ...]
    density: tuple[float, ...]
    space: npt.NDArray[np.float32]
    spectrum: npt.NDArray[np.float32]

    def change(self) -> list[float]:
        """Relative L2 distance of the maps at each threshold from those at the first."""
        first = self.space[0].astype(np.float64)
        size = float(np.linalg.norm(first))
        return [float(np.linalg.norm(one - first)) / size if size else 0.0 for one in self.space]

    def save(self, path: Path) -> None:
        """Writes them as ``.npz``."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer, beta=self.beta, density=self.density, space=self.space, spectrum=self.spectrum
        )
        write_atomic(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> "FirstMaps":
        """Reads them.

        Raises:
            FileNotFoundError: There are none.
            ValueError: The file is damaged; the message names it.
        """
        try:
            with np.load(path) as found:
                beta, density = (tuple(map(float, found[name])) for name in ("beta", "density"))
                return cls(beta, density, found["space"], found["spectrum"])
        except FileNotFoundError:
            raise
        except (OSError, ValueError, LookupError, EOFError) as error:
            raise ValueError(f"{path} is damaged: {error}") from error


def first_maps(model: nn.Module, image: Tensor, betas: Sequence[float], channels: int) -> FirstMaps:
    """The maps that the first threshold of a network leaves, all else being equal.

    They are those of the convolution, and of its norm if there is one, before the activation.

    Args:
        model: With a ``SpecBlock2d``; it is left in evaluation mode, its weights as they are.
        image: ``(1, C, height, width)``.
        betas: The thresholds.
        channels: How many of the maps: those with the most energy at the first threshold.

    Raises:
        ValueError: There are fewer channels.
    """
    model.eval()
    block = next(m for m in model.modules() if isinstance(m, SpecBlock2d))
    given: list[pb.Spectrum] = []
    handle = block.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    try:
        with torch.no_grad():
            model(image)
            before = block.conv(given[0])
            before = before if block.norm is None else block.norm(before)
            kept = [spectral_threshold(before, beta) for beta in betas]
            maps = torch.cat([to_space(one) for one in kept])
            spectra = torch.cat([_decibels(one) for one in kept])
    finally:
        handle.remove()
    if channels > maps.shape[1]:
        raise ValueError(f"the first layer has {maps.shape[1]} channels; got channels={channels}")
    strongest = maps[0].flatten(1).square().sum(1).argsort(descending=True)[:channels]
    chosen = strongest.sort().values
    return FirstMaps(
        tuple(betas),
        tuple(one.density() for one in kept),
        maps[:, chosen].float().numpy(),
        spectra[:, chosen].float().numpy(),
    )


def _decibels(spectrum: pb.Spectrum) -> Tensor:
    """20 log10(|X| + 1) of all frequencies, zero in the middle."""
    half, columns = spectrum.complex(), spectrum.lengths[-1]
    # The other half is the mirror image: bin (k, l) is conjugate to (-k, -l).
    rest = half[..., 1 : (columns + 1) // 2].flip(-1)
    rest = torch.cat([rest[..., :1, :], rest[..., 1:, :].flip(-2)], dim=-2).conj()
    whole = torch.fft.fftshift(torch.cat([half, rest], dim=-1), dim=(-2, -1))
    return 20 * torch.log10(whole.abs() + 1)
