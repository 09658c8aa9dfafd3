"""What a band-limited layer has beside an ordinary one: band, plan and stride mode."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from passband.band import Band
from passband.functional.apply import prepare
from passband.functional.arguments import check_choices, read_arguments
from passband.functional.geometry import StrideMode
from passband.functional.plan import Plan, PlanName


class BandSetting(nn.Module):
    """Mixed into `nn.Conv*`: three plain attributes, no parameter and no buffer.

    The state_dict is that of the ordinary layer, and a layer may change class in place.

    Attributes:
        band: which frequencies the layer keeps; assign another at any time.
        plan: how to compute it.
        stride_mode: whether a stride samples or is alias-free.
    """

    band: Band
    plan: PlanName
    stride_mode: StrideMode

    def __init__(
        self,
        *args: Any,
        band: Band | None = None,
        keep: float | None = None,
        plan: PlanName = "auto",
        stride_mode: StrideMode = "sample",
        **options: Any,
    ) -> None:
        if (band is None) == (keep is None):
            raise ValueError(
                f"{type(self).__name__}: give either band or keep; got band={band}, keep={keep}"
            )
        chosen = Band(keep=keep) if band is None else band
        super().__init__(*args, **options)
        self.configure(chosen, plan, stride_mode)

    def configure(self, band: Band, plan: PlanName, stride_mode: StrideMode) -> None:
        """Set all three, or none if one of them is not valid.

        Raises:
            TypeError: band is no `Band`.
            ValueError: an unknown plan or stride mode.
        """
        name = type(self).__name__
        check_choices(name, band, plan, "zeros", stride_mode)
        if stride_mode != "sample" and isinstance(self, _ConvTransposeNd):
            raise ValueError(f"{name}: only a convolution has a stride_mode; got {stride_mode!r}")
        self.band, self.plan, self.stride_mode = band, plan, stride_mode

    def clear_band(self) -> None:
        """Forget all three."""
        del self.band, self.plan, self.stride_mode

    def plan_for(self, input: Tensor) -> Plan:  # noqa: A002
        """How the layer would compute this input, what it would hold, and why.

        Args:
            input: as for `forward`; the values matter only to a band stated as an energy.

        Examples:
            >>> import torch
            >>> from passband.nn import BandConv2d
            >>> plan = BandConv2d(8, 8, 3, keep=0.25).plan_for(torch.empty(4, 8, 32, 32))
            >>> plan.geometry.modes, plan.holds
            ((8, 8), 'spectrum')
        """
        return self.prepared(input)[1]

    def prepared(self, input: Tensor) -> tuple[Tensor, Plan]:  # noqa: A002
        """The input as the layer transforms it, batched and padded, and the plan for it."""
        check_choices(type(self).__name__, self.band, self.plan, "zeros", self.stride_mode)
        layer = cast("_ConvNd", self)
        transposed = isinstance(layer, _ConvTransposeNd)
        args = read_arguments(
            type(self).__name__, len(layer.kernel_size), layer.weight.shape, layer.stride,
            layer.padding, layer.dilation, layer.groups,
            output_padding=layer.output_padding if transposed else 0,
            padding_mode=layer.padding_mode, stride_mode=self.stride_mode,
            transposed=transposed,
        )  # fmt: skip
        return prepare(args, input, layer.weight, layer.bias, self.band, self.plan)

    def extra_repr(self) -> str:
        """The settings of the ordinary layer, then what is kept."""
        mode = "" if self.stride_mode == "sample" else f", stride_mode={self.stride_mode!r}"
        return f"{super().extra_repr()}, band={self.band}, plan={self.plan!r}{mode}"
