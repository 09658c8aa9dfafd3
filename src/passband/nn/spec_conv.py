"""Convolution layers of spectra."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from passband.functional.arguments import Size
from passband.functional.spectral.convolution import spec_conv1d, spec_conv2d
from passband.functional.spectral.spectrum import Spectrum


class _SpecConv(_ConvNd):
    of_maps: type[nn.Conv1d | nn.Conv2d]
    form: Callable[..., Spectrum]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        like = self.of_maps(1, 1, kernel_size, dilation=dilation, device="meta")  # type: ignore[arg-type]
        nothing = (0,) * len(like.kernel_size)
        super().__init__(
            in_channels, out_channels, like.kernel_size, like.stride, "same", like.dilation, False,
            nothing, groups, bias, "zeros", device, dtype,
        )  # fmt: skip

    def forward(self, spectrum: Spectrum) -> Spectrum:
        """A spectrum of `in_channels` to one of `out_channels`, of the same sizes."""
        return self.form(spectrum, self.weight, self.bias, self.dilation, self.groups)


class SpecConv1d(_SpecConv):
    """Convolution of the spectrum of series; see `SpecConv2d`."""

    of_maps, form = nn.Conv1d, staticmethod(spec_conv1d)


class SpecConv2d(_SpecConv):
    """Convolution of a spectrum; see `passband.functional.spec_conv2d`.

    Parameters, their initialisation and the `state_dict` are those of `nn.Conv2d`. There is no
    stride: a map is pooled in the spectrum (`SpectralPool2d`) or in space.

    Args:
        in_channels: channels of the spectrum.
        out_channels: channels of the result.
        kernel_size: taps, one number or one for each axis.
        dilation: distance of the taps.
        groups: of channels.
        bias: whether there is one.
        device: as in `nn.Conv2d`.
        dtype: as in `nn.Conv2d`.

    Raises:
        ValueError: channels that are not divisible by the groups; in `forward`, a kernel larger
            than the transform.

    Source:
        Guan et al., "SpecNet: Spectral Domain Convolutional Neural Network", section 3.1.

    Examples:
        >>> import torch
        >>> from passband.nn import ToSpectrum
        >>> SpecConv2d(3, 8, 3)(ToSpectrum(margin=1)(torch.randn(2, 3, 32, 32))).shape
        (2, 8, 32, 32)
    """

    of_maps, form = nn.Conv2d, staticmethod(spec_conv2d)
