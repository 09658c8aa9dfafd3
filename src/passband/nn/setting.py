"""What a band-limited layer has beside an ordinary one: band, plan and stride mode."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.overrides import has_torch_function

from passband.band import Band
from passband.functional.apply import apply, ready
from passband.functional.arguments import (
    Arguments,
    check_choices,
    check_tensors,
    read_arguments,
)
from passband.functional.geometry import StrideMode
from passband.functional.plan import Plan, PlanName
from passband.functional.preparation import prepare
from passband.kernels.cpu.transform import is_real
from passband.nn.frozen import Frozen, remembers
from passband.transforms.precision import autocast_dtype
from passband.transforms.recording import recording


@dataclass(frozen=True)
class Setting:
    """Band, plan and stride mode of a layer."""

    band: Band
    plan: PlanName
    stride_mode: StrideMode


class BandSetting(nn.Module):
    """Mixed into `nn.Conv*`: one plain attribute more, no parameter and no buffer.

    The state_dict is that of the ordinary layer, and a layer may change class in place.
    """

    _passband: Setting
    _frozen: Frozen | None = None

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
                f"{type(self).__name__}: give either band, for instance Band(cutoff=0.3), or keep; "
                f"got band={band}, keep={keep}"
            )
        chosen = Band(keep=keep) if band is None else band
        super().__init__(*args, **options)
        self.configure(Setting(chosen, plan, stride_mode))

    def configure(self, setting: Setting) -> None:
        """Set all three, or none if one of them is not valid.

        Raises:
            TypeError: band is no `Band`.
            ValueError: a band for another number of axes, an unknown plan or stride mode.
        """
        check_setting(self, type(self).__name__, setting)
        self._passband = setting

    def unconfigure(self) -> None:
        """Forget all three, and filter spectra."""
        self.unfreeze()
        del self._passband

    @property
    def frozen(self) -> bool:
        """Whether filter spectra are kept between calls without gradients."""
        return self._frozen is not None

    def freeze(self) -> None:
        """Keep filter spectra between calls without gradients, from now; see `passband.freeze_`."""
        self._frozen = Frozen()

    def unfreeze(self) -> None:
        """Forget them."""
        self.__dict__.pop("_frozen", None)

    @property
    def setting(self) -> Setting:
        """Band, plan and stride mode."""
        return self._passband

    @property
    def band(self) -> Band:
        """Which frequencies the layer keeps; assign another at any time."""
        return self._passband.band

    @band.setter
    def band(self, band: Band) -> None:
        self.configure(replace(self._passband, band=band))

    @property
    def keep(self) -> float | tuple[float, ...] | None:
        """The share that the band states, if it states one; assigning it sets such a band."""
        return self._passband.band.keep

    @keep.setter
    def keep(self, keep: float | tuple[float, ...]) -> None:
        self.band = Band(keep=keep, fft_size=self.band.fft_size)

    @property
    def plan(self) -> PlanName:
        """How to compute it."""
        return self._passband.plan

    @plan.setter
    def plan(self, plan: PlanName) -> None:
        self.configure(replace(self._passband, plan=plan))

    @property
    def stride_mode(self) -> StrideMode:
        """Whether a stride samples or is alias-free."""
        return self._passband.stride_mode

    @stride_mode.setter
    def stride_mode(self, stride_mode: StrideMode) -> None:
        self.configure(replace(self._passband, stride_mode=stride_mode))

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
        layer = cast("_ConvNd", self)
        setting = self._passband
        args = self._arguments(input, layer.weight, layer.bias, layer.output_padding, setting)
        frozen = self.frozen and not recording()
        return prepare(
            args, input, layer.weight, layer.bias, setting.band, setting.plan, frozen=frozen
        )

    def _from_frozen(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, output_padding: Any
    ) -> Tensor | None:
        """What the layer computes by what it remembers, if it may."""
        frozen = self._frozen
        if frozen is None or torch.compiler.is_compiling():
            return None
        if recording() or has_torch_function((x, weight)):
            return None
        if not remembers(weight, bias):
            return None
        setting = self._passband  # once: another thread may set another

        def given() -> tuple[Any, ...]:
            args = self._arguments(x, weight, bias, output_padding, setting)
            return args, x, weight, bias, setting.band, setting.plan, frozen.spectra

        if not is_real(x):
            return apply(*given())
        layer = cast("_ConvNd", self)
        key = (
            x.shape, x.stride(), x.dtype, autocast_dtype(x.device), setting, layer.stride,
            layer.padding, layer.dilation, layer.groups, layer.padding_mode, output_padding,
            torch.get_num_threads(),
        )  # fmt: skip
        return frozen.ready(weight, bias, key, lambda: ready(*given()))(x)

    def _arguments(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        output_padding: Any,
        setting: Setting,
    ) -> Arguments:
        layer = cast("_ConvNd", self)
        name, dims = type(self).__name__, len(layer.kernel_size)
        check_tensors(name, dims, x, weight, bias)
        transposed = isinstance(layer, _ConvTransposeNd)
        return read_arguments(
            name, dims, weight.shape, layer.stride,
            layer.padding, layer.dilation, layer.groups,
            output_padding=tuple(output_padding) if transposed else 0,
            padding_mode=layer.padding_mode, stride_mode=setting.stride_mode,
            transposed=transposed,
        )  # fmt: skip

    def __prepare_scriptable__(self) -> None:
        """What `torch.jit.script` calls first; without it the error would be about a constructor.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(
            f"torch.jit.script cannot compile {type(self).__name__}: use torch.export or "
            "torch.compile, or turn the model back first with passband.revert_(model)"
        )

    def extra_repr(self) -> str:
        """The settings of the ordinary layer, then what is kept."""
        mode = "" if self.stride_mode == "sample" else f", stride_mode={self.stride_mode!r}"
        frozen = ", frozen" if self.frozen else ""
        return f"{super().extra_repr()}, band={self.band}, plan={self.plan!r}{mode}{frozen}"


def check_setting(layer: nn.Module, name: str, setting: Setting) -> None:
    """Whether a convolution, band-limited or to be made so, can have this setting.

    Raises:
        TypeError: band is no `Band`.
        ValueError: a band for another number of axes, an unknown plan or stride mode.
    """
    check_choices(name, setting.band, setting.plan, stride_mode=setting.stride_mode)
    setting.band.check_axes(len(cast("_ConvNd", layer).kernel_size))
    if setting.stride_mode != "sample" and isinstance(layer, _ConvTransposeNd):
        raise ValueError(f"{name}: only a convolution strides; got {setting.stride_mode!r}")
