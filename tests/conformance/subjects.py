"""What the conformance suite is asked of: each public layer, policy and way, as a module of maps.

Layers of spectra stand between `ToSpectrum` and `ToSpace`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import passband as pb
from passband.functional.plan import PlanName
from passband.nn import ToSpace, ToSpectrum

Make = Callable[[], nn.Module]
EXACT, BF16 = pb.MemoryPolicy.exact(), pb.MemoryPolicy.bf16()
INT8, UNCHANGED = pb.MemoryPolicy(spectra="int8"), pb.MemoryPolicy.unchanged_forward()


@dataclass(frozen=True)
class Subject:
    """One row of the matrix.

    Attributes:
        name: of the row.
        make: makes it, in float32; its parameters are drawn from PyTorch's generator.
        sample: shape of one map, `(C, *space)`.
        kinds: what the table of states knows it by.
        plain: makes what it stands in for, with the same state_dict, if there is such a thing.
        group: the section of the page.
    """

    name: str
    make: Make
    sample: tuple[int, ...]
    group: str
    kinds: frozenset[str] = frozenset()
    plain: Make | None = None

    @property
    def lossy(self) -> bool:
        """Whether its gradients are approximate by design."""
        return "lossy" in self.kinds

    def __str__(self) -> str:
        return self.name


class Scoped(nn.Module):
    """A model run in a scope."""

    def __init__(self, model: nn.Module, band: pb.Band) -> None:
        super().__init__()
        self.model, self.band = model, band

    def forward(self, x: Tensor) -> Tensor:
        with pb.bandlimited(self.band):
            y: Tensor = self.model(x)
        return y


def network() -> nn.Sequential:
    """Convolution, norm, activation, pooling; and transposed back."""
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 6, 3, padding=1, groups=2),
        nn.SiLU(),
        nn.ConvTranspose2d(6, 2, 2, stride=2),
    )


def converted(memory: pb.MemoryPolicy | None = None, *, frozen: bool = False) -> nn.Module:
    model = network()
    pb.convert_(model, pb.Band(keep=0.5), memory=memory)
    if frozen:
        pb.freeze_(model)
    return model


def remembering(memory: pb.MemoryPolicy) -> nn.Module:
    model = network()
    pb.convert_(model, None, memory=memory)
    return model


def scoped() -> nn.Module:
    return Scoped(network(), pb.Band(keep=0.5))


def frozen(make: Make) -> nn.Module:
    layer = make()
    pb.freeze_(layer)
    return layer


def between(layer: Make) -> nn.Module:
    return nn.Sequential(ToSpectrum(2), layer(), ToSpace())


def _band(
    kind: str, *args: Any, name: str = "", of: tuple[str, ...] = (), **options: Any
) -> Subject:
    ours = {k: options.pop(k) for k in ("band", "plan", "stride_mode") if k in options}
    setting = {"band": pb.Band(keep=0.5), **ours}
    make: Make = partial(getattr(pb.nn, f"Band{kind}"), *args, **options, **setting)
    plain: Make = partial(getattr(nn, kind), *args, **options)
    dims = int(kind[-2])
    sample = (args[0], *{1: (17,), 2: (9, 8), 3: (5, 6, 4)}[dims])
    of += ("transposed",) if "Transpose" in kind else ()
    of += ("truncated",) if setting["band"].energy is None and setting["band"].keep != 1 else ()
    kinds = frozenset({"band", f"{dims}d", *of})
    return Subject(f"Band{kind}{name}", make, sample, "Band-limited layers", kinds, plain)


PLANS: tuple[PlanName, ...] = ("fft", "dft", "spatial", "fused", "measure")
ENERGY = pb.Band(energy=0.9, dynamic=True)
BAND = [
    _band("Conv1d", 4, 6, 5, padding="same", dilation=2),
    _band("Conv2d", 4, 6, 3, padding=1),
    _band("Conv3d", 2, 3, 3, padding=1),
    _band("ConvTranspose1d", 4, 6, 4, stride=2, padding=1),
    _band("ConvTranspose2d", 4, 6, 3, stride=2, output_padding=1),
    _band("ConvTranspose3d", 2, 3, 2),
    *(_band("Conv2d", 4, 6, 3, padding=1, name=f", {p}", plan=p) for p in PLANS),
    _band("Conv2d", 4, 6, 3, padding=1, name=", keep 1", band=pb.Band(keep=1)),
    _band("Conv2d", 4, 6, 3, name=", dynamic", band=ENERGY, of=("energy",)),
    _band("Conv2d", 4, 6, 3, stride=2, name=", spectral stride", stride_mode="spectral"),
    _band("Conv2d", 4, 4, 3, padding=1, groups=4, padding_mode="circular", name=", circular"),
    _band("Conv2d", 4, 6, (3, 2), padding=1, groups=2, padding_mode="reflect", name=", reflect"),
]  # fmt: skip
FROZEN = Subject(
    "BandConv2d, frozen", partial(frozen, BAND[1].make), BAND[1].sample, BAND[1].group,
    BAND[1].kinds | {"frozen"}, BAND[1].plain,
)  # fmt: skip


def _spectral(name: str, layer: Make, dims: int = 2, *of: str) -> Subject:
    sample = (4, *{1: (17,), 2: (7, 6)}[dims])
    kinds = frozenset({"spectral", f"{dims}d", *of})
    return Subject(name, partial(between, layer), sample, "Layers of spectra", kinds)


SPECTRAL = [
    Subject(
        "ToSpectrum, ToSpace",
        lambda: nn.Sequential(ToSpectrum(1), ToSpace()),
        (4, 7, 6),
        "Layers of spectra",
        frozenset({"transform", "2d", "stateless"}),
    ),
    _spectral("SpecConv1d", lambda: pb.nn.SpecConv1d(4, 4, 3), 1, "weights"),
    _spectral("SpecConv2d", lambda: pb.nn.SpecConv2d(4, 4, 3), 2, "weights"),
    _spectral("SpectralBatchNorm", lambda: pb.nn.SpectralBatchNorm(4), 2, "norm"),
    _spectral("Threshold", lambda: pb.nn.Threshold(0.5), 2, "stateless"),
    _spectral("SpectralActivation", lambda: pb.nn.SpectralActivation("tanh"), 2, "stateless"),
    _spectral("SpecBlock1d", lambda: pb.nn.SpecBlock1d(4, 4, 3, beta=0.3), 1, "weights"),
    _spectral("SpecBlock2d", lambda: pb.nn.SpecBlock2d(4, 4, 3, beta=0.3), 2, "weights"),
    _spectral(
        "SpecBlock2d, norm",
        lambda: pb.nn.SpecBlock2d(4, 4, 3, beta=0.3, norm=True),
        2,
        "norm",
        "weights",
    ),
    _spectral(
        "SpecBlock2d, int8",
        lambda: pb.nn.SpecBlock2d(4, 4, 3, beta=0.3, store="int8"),
        2,
        "lossy",
        "weights",
    ),
]


def _other(name: str, make: Make, sample: tuple[int, ...], *of: str) -> Subject:
    kinds = frozenset({f"{len(sample) - 1}d", "stateless", *of})
    return Subject(name, make, sample, "Pooling and defences", kinds)


OTHERS = [
    _other("SpectralPool1d", lambda: pb.nn.SpectralPool1d(8), (4, 17), "pool"),
    _other("SpectralPool2d", lambda: pb.nn.SpectralPool2d((5, 4)), (4, 9, 8), "pool"),
    _other("SpectralPool3d", lambda: pb.nn.SpectralPool3d(3), (2, 5, 6, 4), "pool"),
    _other(
        "SpectralPool2d of a spectrum",
        lambda: nn.Sequential(ToSpectrum(), pb.nn.SpectralPool2d((5, 4)), ToSpace()), (4, 9, 8),
        "transform",
    ),
    _other("FrequencyMask", lambda: pb.nn.FrequencyMask(0.25), (4, 9, 8), "mask"),
    _other("ColorDepth", lambda: pb.nn.ColorDepth(4, -2.0, 2.0), (4, 9, 8), "rounding"),
    _other("NoiseChannel", lambda: pb.nn.NoiseChannel(0.1), (4, 9, 8), "noise"),
]  # fmt: skip


def _model(name: str, make: Make, *of: str) -> Subject:
    kinds = frozenset({"model", "2d", *of})
    return Subject(name, make, (2, 10, 8), "Models", kinds, network)


MODELS = [
    _model("converted", converted),
    _model("converted, frozen", partial(converted, frozen=True), "frozen"),
    _model("converted, exact()", partial(converted, EXACT), "policy"),
    _model("converted, bf16()", partial(converted, BF16), "policy", "lossy"),
    _model("converted, int8 spectra", partial(converted, INT8), "policy", "lossy"),
    _model("exact()", partial(remembering, EXACT), "policy"),
    _model("unchanged_forward()", partial(remembering, UNCHANGED), "policy", "lossy"),
    _model("in bandlimited()", scoped, "scope"),
]
SUBJECTS: dict[str, Subject] = {
    s.name: s for s in [*BAND, FROZEN, *SPECTRAL, *OTHERS, *MODELS]
}  # fmt: skip


def made(subject: Subject, dtype: torch.dtype = torch.float32) -> nn.Module:
    """The subject's module, the same at each call."""
    torch.manual_seed(0)
    return subject.make().to(dtype)


def maps(
    subject: Subject, batch: int = 3, dtype: torch.dtype = torch.float32, seed: int = 0
) -> Tensor:
    """A batch of maps for it."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, *subject.sample, dtype=torch.float64, generator=generator).to(dtype)
