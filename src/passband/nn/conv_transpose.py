"""Band-limited transposed convolution layers."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from passband.band import Band
from passband.functional import (
    band_conv_transpose1d,
    band_conv_transpose2d,
    band_conv_transpose3d,
)
from passband.functional.plan import PlanName
from passband.nn.setting import BandSetting, choose_band


class BandConvTranspose1d(BandSetting, nn.ConvTranspose1d):
    """`nn.ConvTranspose1d` that keeps a band of frequencies; see `BandConvTranspose2d`."""

    def __init__(
        self,
        *args: Any,
        band: Band | None = None,
        keep: float | None = None,
        plan: PlanName = "auto",
        **options: Any,
    ) -> None:
        chosen = choose_band(type(self).__name__, band, keep)
        super().__init__(*args, **options)
        self.set_band(chosen, plan)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: A002
        """As `nn.ConvTranspose1d`: `output_size` settles what a stride leaves open."""
        extra = self._output_padding(
            input, output_size, self.stride, self.padding, self.kernel_size, 1, self.dilation  # type: ignore[arg-type]
        )  # fmt: skip
        return band_conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups,  # type: ignore[arg-type]
            self.dilation, band=self.band, plan=self.plan,
        )  # fmt: skip


class BandConvTranspose2d(BandSetting, nn.ConvTranspose2d):
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

    def __init__(
        self,
        *args: Any,
        band: Band | None = None,
        keep: float | None = None,
        plan: PlanName = "auto",
        **options: Any,
    ) -> None:
        chosen = choose_band(type(self).__name__, band, keep)
        super().__init__(*args, **options)
        self.set_band(chosen, plan)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: A002
        """As `nn.ConvTranspose2d`: `output_size` settles what a stride leaves open."""
        extra = self._output_padding(
            input, output_size, self.stride, self.padding, self.kernel_size, 2, self.dilation  # type: ignore[arg-type]
        )  # fmt: skip
        return band_conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups,  # type: ignore[arg-type]
            self.dilation, band=self.band, plan=self.plan,
        )  # fmt: skip


class BandConvTranspose3d(BandSetting, nn.ConvTranspose3d):
    """`nn.ConvTranspose3d` that keeps a band of frequencies; see `BandConvTranspose2d`."""

    def __init__(
        self,
        *args: Any,
        band: Band | None = None,
        keep: float | None = None,
        plan: PlanName = "auto",
        **options: Any,
    ) -> None:
        chosen = choose_band(type(self).__name__, band, keep)
        super().__init__(*args, **options)
        self.set_band(chosen, plan)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: A002
        """As `nn.ConvTranspose3d`: `output_size` settles what a stride leaves open."""
        extra = self._output_padding(
            input, output_size, self.stride, self.padding, self.kernel_size, 3, self.dilation  # type: ignore[arg-type]
        )  # fmt: skip
        return band_conv_transpose3d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups,  # type: ignore[arg-type]
            self.dilation, band=self.band, plan=self.plan,
        )  # fmt: skip
