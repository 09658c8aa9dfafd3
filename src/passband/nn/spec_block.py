"""The block of SpecNet: convolution, norm, threshold and activation of a spectrum."""

from __future__ import annotations

from torch import nn

from passband.functional.arguments import Size
from passband.functional.spectral.selection import check_beta
from passband.functional.spectral.settle import Affine, settle
from passband.functional.spectral.spectrum import Spectrum
from passband.nn.spec_conv import SpecConv1d, SpecConv2d
from passband.nn.spectrum import SpectralActivation, SpectralBatchNorm, Threshold
from passband.packing.sparse import Store
from passband.transforms.recording import opaque


class _SpecBlock(nn.Module):
    convolution: type[SpecConv1d | SpecConv2d]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        *,
        beta: float,
        activation: str = "tanh",
        norm: bool = False,
        store: Store = "exact",
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.conv = self.convolution(in_channels, out_channels, kernel_size, dilation, groups, bias)
        self.norm = SpectralBatchNorm(out_channels) if norm else None
        self.threshold = Threshold(beta, store)
        self.activation = SpectralActivation(activation, store)

    def forward(self, spectrum: Spectrum) -> Spectrum:
        """A spectrum of `in_channels` to a sparse one of `out_channels`, of the same sizes."""
        y: Spectrum = self.conv(spectrum)
        parts = (self.norm, self.threshold, self.activation)
        if not all(map(_is_plain, parts, _KINDS)):
            for part in parts:
                y = y if part is None else part(y)
            return y
        affine = None if self.norm is None else self.norm.affine(y)
        return _settled(y, affine, self.threshold, self.activation.activation)


@opaque  # a compiler would stop at the value of beta
def _settled(y: Spectrum, affine: Affine | None, threshold: Threshold, activation: str) -> Spectrum:
    check_beta("SpecBlock", threshold.beta)
    return settle(
        y, affine=affine, beta=threshold.beta, activation=activation, store=threshold.store
    )


_KINDS = SpectralBatchNorm, Threshold, SpectralActivation
_HOOKS = "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"


def _is_plain(part: nn.Module | None, kind: type[nn.Module]) -> bool:
    """Whether a part is what it was made as, and nobody wants to see what goes through it."""
    return part is None or (type(part) is kind and not any(getattr(part, name) for name in _HOOKS))


class SpecBlock1d(_SpecBlock):
    """The block of SpecNet for series; see `SpecBlock2d`."""

    convolution = SpecConv1d


class SpecBlock2d(_SpecBlock):
    """Convolution, norm if asked for, threshold, activation: Algorithm 1 from spectrum to spectrum.

    Computes what its parts `conv`, `norm`, `threshold` and `activation` compute one after another,
    but norm, threshold and activation in one pass. For backward it holds one bit for each
    coefficient of its output and those that are kept, which the next block holds anyway; the norm's
    input is computed again.

    Args:
        in_channels: channels of the spectrum.
        out_channels: channels of the result.
        kernel_size: taps of the convolution.
        beta: of the threshold. Without a norm the paper's absolute scale; with it a fraction of the
            root mean square of each channel's coefficients.
        activation: a name of `passband.functional.activations`.
        norm: whether there is a batch norm, which the paper has not.
        store: how backward holds what is kept: `"exact"`, `"bfloat16"` or `"int8"`.
        dilation: of the convolution.
        groups: of the convolution.
        bias: of the convolution.

    Raises:
        TypeError, ValueError: an argument is out of range.

    Source:
        Guan et al., "SpecNet: Spectral Domain Convolutional Neural Network", Algorithm 1.

    Examples:
        >>> import torch
        >>> from passband.nn import ToSpace, ToSpectrum
        >>> block = SpecBlock2d(3, 8, 3, beta=1.0, norm=True)
        >>> net = nn.Sequential(ToSpectrum(margin=3), block, ToSpace())
        >>> net(torch.randn(2, 3, 32, 32)).shape
        torch.Size([2, 8, 32, 32])
    """

    convolution = SpecConv2d
