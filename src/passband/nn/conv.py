"""Band-limited convolution layers."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from passband.functional import band_conv1d, band_conv2d, band_conv3d
from passband.nn.setting import BandSetting


class _BandConv(BandSetting, _ConvNd):
    form: Callable[..., Tensor]

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: A002
        known = self._from_frozen(input, weight, bias, 0)
        if known is not None:
            return known
        setting = self.setting  # once: another thread may set another
        return self.form(
            input, weight, bias, self.stride, self.padding, self.dilation, self.groups,
            band=setting.band, plan=setting.plan, padding_mode=self.padding_mode,
            stride_mode=setting.stride_mode,
        )  # fmt: skip


class BandConv1d(_BandConv, nn.Conv1d):
    """`nn.Conv1d` that keeps a band of frequencies; see `BandConv2d`.

    Examples:
        >>> import torch
        >>> BandConv1d(3, 8, 3, padding=1, keep=0.25)(torch.randn(2, 3, 100)).shape
        torch.Size([2, 8, 100])
    """

    form = staticmethod(band_conv1d)


class BandConv2d(_BandConv, nn.Conv2d):
    """`nn.Conv2d` that keeps a band of frequencies, forward and backward.

    A subclass with the same parameters, initialisation, padding modes and state_dict; with
    `keep=1` also the same values. Autograd holds the weight, and the kept half spectrum of the
    input or the input itself, whichever is smaller.

    Args:
        *args: as `nn.Conv2d`: in_channels, out_channels, kernel_size, stride, padding, dilation,
            groups, bias, padding_mode, device, dtype.
        band: which frequencies to keep.
        keep: shorthand for `band=Band(keep=keep)`.
        plan: `"auto"`, `"fft"`, `"dft"`, `"spatial"` or `"measure"`; see
            `passband.functional.band_conv2d`.
        stride_mode: `"sample"`, or `"spectral"` for a stride without aliasing.
        **options: as `nn.Conv2d`.

    Shape:
        `(N, C, H, W)` or `(C, H, W)` to that of `nn.Conv2d`.

    Raises:
        ValueError: both or neither of band and keep, or a value out of range.
        TypeError: arguments that `nn.Conv2d` does not take.

    Source:
        Dziedzic et al., "Band-limited Training and Inference for Convolutional Neural Networks",
        ICML 2019.

    Examples:
        >>> import torch
        >>> layer = BandConv2d(3, 8, 3, padding=1, keep=0.25)
        >>> layer(torch.randn(2, 3, 32, 32)).shape
        torch.Size([2, 8, 32, 32])
    """

    form = staticmethod(band_conv2d)


class BandConv3d(_BandConv, nn.Conv3d):
    """`nn.Conv3d` that keeps a band of frequencies; see `BandConv2d`.

    Examples:
        >>> import torch
        >>> BandConv3d(3, 8, 3, padding=1, keep=0.25)(torch.randn(2, 3, 8, 8, 8)).shape
        torch.Size([2, 8, 8, 8, 8])
    """

    form = staticmethod(band_conv3d)
