"""Band-limited transposed convolution layers."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

from passband.functional import (
    band_conv_transpose1d,
    band_conv_transpose2d,
    band_conv_transpose3d,
)
from passband.nn.setting import BandSetting


class _BandConvTranspose(BandSetting, _ConvTransposeNd):
    form: Callable[..., Tensor]

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: A002
        """As `nn.ConvTranspose*`: `output_size` settles what a stride leaves open."""
        extra = self._output_padding(
            input, output_size, self.stride, self.padding, self.kernel_size,  # type: ignore[arg-type]
            len(self.kernel_size), self.dilation,  # type: ignore[arg-type]
        )  # fmt: skip
        known = self._from_frozen(input, self.weight, self.bias, tuple(extra))
        if known is not None:
            return known
        setting = self.setting  # once: another thread may set another
        return self.form(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups,
            self.dilation, band=setting.band, plan=setting.plan,
        )  # fmt: skip


class BandConvTranspose1d(_BandConvTranspose, nn.ConvTranspose1d):
    """`nn.ConvTranspose1d` that keeps a band of frequencies; see `BandConvTranspose2d`."""

    form = staticmethod(band_conv_transpose1d)


class BandConvTranspose2d(_BandConvTranspose, nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` that keeps a band of frequencies of its output's ring.

    The exact adjoint of `BandConv2d` with the same weight. Arguments, parameters and state_dict as
    `nn.ConvTranspose2d`, besides `band` (or `keep`) and `plan` as in `BandConv2d`.

    Raises:
        ValueError: both or neither of band and keep, a value out of range, or a padding mode
            other than zeros.

    Examples:
        >>> import torch
        >>> layer = BandConvTranspose2d(3, 8, 4, stride=2, padding=1, keep=0.5)
        >>> layer(torch.randn(2, 3, 16, 16)).shape
        torch.Size([2, 8, 32, 32])
    """

    form = staticmethod(band_conv_transpose2d)


class BandConvTranspose3d(_BandConvTranspose, nn.ConvTranspose3d):
    """`nn.ConvTranspose3d` that keeps a band of frequencies; see `BandConvTranspose2d`."""

    form = staticmethod(band_conv_transpose3d)
