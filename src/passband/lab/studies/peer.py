"""What a user would pick in place of a band, and how much of it costs the same."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import passband as pb
from passband.lab import models
from passband.lab.bench.memory.technique import PLAIN, Technique
from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData
from passband.lab.studies.flops import flops

_STEPS = 16  # widths that are tried, from a sixteenth of plain's to its own
Data = Callable[[TrainConfig], LabeledData]


@dataclass(frozen=True)
class Peer:
    """One way to pay less.

    Attributes:
        name: The variant of its rows.
        run: What is trained for it; ways that compute the same in less memory share a training.
        at: The keep whose cost it shall have; None if there is nothing to choose.
        technique: How the trained network is run.
        size: What was chosen: samples of a side, or times the channels.
        flops: Of a forward pass, over plain's; None where a band makes fewer than can be counted.
    """

    name: str
    run: TrainConfig
    at: float | None = None
    technique: Technique = PLAIN
    size: float | None = None
    flops: float | None = None

    @property
    def trained(self) -> bool:
        """Whether its training is its own."""
        return self.technique == PLAIN


def peers(plain: TrainConfig, data: Data, keeps: Sequence[float]) -> Iterator[Peer]:
    """The plain network first, then bands and what stands beside them.

    A peer that a network has no option for, or whose maps it is too deep for, is left out.

    Args:
        plain: The training of the plain network.
        data: Says what a run is trained on.
        keeps: Of the bands.
    """
    yield Peer("plain", plain, flops=1.0)
    for keep in keeps:
        yield Peer("band", replace(plain, keep=keep))
    others = [resized(plain, data, keep) for keep in keeps]
    others += [narrow(plain, data, keep) for keep in keeps if "width" in _options(plain)]
    if _options(plain).get("stem") == "usual":
        others += [
            Peer(stem, replace(plain, options=_with(plain, "stem", stem)))
            for stem in ("strided", "blurpool")
        ]
    whole = flops(plain, data(plain))
    for peer in others:
        share = flops(peer.run, data(peer.run)) / whole
        if math.isfinite(share):
            yield replace(peer, flops=share)
    if plain.precision == "32-true":
        yield Peer("bfloat16", replace(plain, precision="bf16-mixed"), flops=1.0)
    yield Peer("checkpoint", plain, technique=Technique("", regions="whole"), flops=1.0)
    exact = Technique("", policy=pb.MemoryPolicy.exact())
    yield Peer("policy", plain, technique=exact, flops=1.0)
    for keep in keeps:
        yield Peer("exact", replace(plain, keep=keep), technique=exact)


def resized(plain: TrainConfig, data: Data, keep: float) -> Peer:
    """The plain network on maps of as many samples as the band keeps coefficients.

    All axes get the same number of samples, the one whose power is nearest; a margin that maps were
    padded with shrinks as they do.
    """
    space = data(plain).space
    axes = len(space)
    wanted = keep * math.prod(space)
    side = min(range(1, max(space) + 1), key=lambda n: abs(n**axes - wanted))
    if plain.pad is None:
        run = replace(plain, resize=side)
    else:
        inside = math.prod(data(replace(plain, pad=None)).space) ** (1 / axes)
        run = replace(plain, resize=max(1, round(inside * side / plain.pad)), pad=side)
    return Peer("resized", run, at=keep, size=side)


def narrow(plain: TrainConfig, data: Data, keep: float) -> Peer:
    """The plain network with fewer channels, its operations nearest to ``keep`` times plain's.

    Raises:
        TypeError: The network's width is no number.
    """
    full = _options(plain)["width"]
    if not isinstance(full, int | float):
        raise TypeError(f"the width of {plain.model} is a number; got {full!r}")
    loaded = data(plain)
    widths = [full * step / _STEPS for step in range(1, _STEPS + 1)]
    runs = {width: replace(plain, options=_with(plain, "width", width)) for width in widths}
    wanted = keep * flops(plain, loaded)
    width = min(widths, key=lambda one: abs(flops(runs[one], loaded) - wanted))
    return Peer("narrow", runs[width], at=keep, size=width)


def _options(plain: TrainConfig) -> dict[str, object]:
    """Those of the network, as the run sets them."""
    return {**models.options(plain.model), **dict(plain.options)}


def _with(plain: TrainConfig, name: str, value: object) -> tuple[tuple[str, object], ...]:
    """The run's options with another value of one."""
    return tuple({**dict(plain.options), name: value}.items())
