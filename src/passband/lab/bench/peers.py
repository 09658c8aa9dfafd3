"""What a user might take instead, where it is installed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from passband.lab.bench.case import Case
from passband.lab.bench.contender import Contender, formats, laid_out


@dataclass(frozen=True)
class Peers:
    """Peers of a case.

    Attributes:
        contenders: Those that can be measured.
        notes: Why others cannot, a line each.
    """

    contenders: tuple[Contender, ...]
    notes: tuple[str, ...]


def layer_peers(case: Case, x: Tensor) -> Peers:
    """Packages for convolution by FFT, for a case that is a single layer."""
    found, notes = [], []
    for package, build in _PACKAGES:
        try:
            module = build(case, x)
        except ImportError:
            notes.append(f"{package}: not installed")
            continue
        if module is not None:
            found.append(Contender(f"{package} contiguous", module.to(x.device), x))
    return Peers(tuple(found), tuple(notes))


def compiled(case: Case, x: Tensor) -> list[Contender]:
    """``torch.compile`` of the plain module, in each memory format."""
    found = []
    for memory in formats(case):
        module, mine = laid_out(case, x, memory)
        module.compile()
        found.append(Contender(f"torch.compile {memory}", module, mine, compiled=True))
    return found


def usable(contenders: Sequence[Contender], attempt: Callable[[Contender], object]) -> Peers:
    """Those of the contenders that come through an attempt; why the others did not is noted.

    A peer that cannot do a case is no reason to stop.
    """
    good, notes = [], []
    for contender in contenders:
        try:
            attempt(contender)
        except Exception as error:
            notes.append(note(contender.name, error))
        else:
            good.append(contender)
    return Peers(tuple(good), tuple(notes))


def note(name: str, error: Exception) -> str:
    r"""Who could not take part, and why, in a line.

    Example:
        >>> note("peer", RuntimeError("no such\n  thing"))
        'peer: no such thing'
    """
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"{name}: {reason[:120]}"


def _fft_conv_pytorch(case: Case, x: Tensor) -> nn.Module | None:
    package = import_module("fft_conv_pytorch")
    layer = case.make()
    assert isinstance(layer, _ConvNd)
    build = getattr(package, f"FFTConv{case.dims}d")
    module: nn.Module = build(
        layer.in_channels, layer.out_channels, layer.kernel_size, padding=layer.padding,
        stride=layer.stride, dilation=layer.dilation, groups=layer.groups,
        bias=layer.bias is not None,
    )  # fmt: skip
    return module


class _LongConv(nn.Module):
    """FlashFFTConv's depthwise causal convolution; it computes in half precision.

    Args:
        channels: Each with a filter of its own.
        taps: Of each filter.
        samples: Of the series, padded by as many zeros.
    """

    def __init__(self, channels: int, taps: int, samples: int) -> None:
        super().__init__()
        package: Any = import_module("flashfftconv")
        self.conv = package.FlashFFTConv(2 * samples, dtype=torch.bfloat16)
        self.weight = nn.Parameter(torch.randn(channels, taps))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x.to(torch.bfloat16), self.weight)
        return y


def _flash_fft_conv(case: Case, x: Tensor) -> nn.Module | None:
    """None where it has no such layer: it is for depthwise series, on a GPU."""
    layer = case.make()
    assert isinstance(layer, _ConvNd)
    depthwise = layer.groups == layer.in_channels == layer.out_channels
    if case.dims != 1 or not depthwise or x.device.type != "cuda":
        return None
    return _LongConv(layer.in_channels, layer.kernel_size[0], x.shape[-1])


_Build = Callable[[Case, Tensor], nn.Module | None]
_PACKAGES: tuple[tuple[str, _Build], ...] = (
    ("fft-conv-pytorch", _fft_conv_pytorch),
    ("FlashFFTConv", _flash_fft_conv),
)
