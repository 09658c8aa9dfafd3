"""The study ``shift``: what networks of several keeps make of maps that are moved or turned.

Consistency as in Zhang 2019, Making convolutional networks shift-invariant again; the angles and
shifts of Dziedzic et al. 2019 (ICML).
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import ClassVar

import torch
from torch import Tensor

from passband.lab.checks import check_positive
from passband.lab.data.extent import extent
from passband.lab.data.shifted import moved, moved_each, turned
from passband.lab.results import Row
from passband.lab.studies.grid import alone
from passband.lab.studies.looking import Found, LookingConfig, Trained, look_at_each
from passband.lab.studies.shift_shown import (
    CONSISTENT,
    MOVED,
    MOVED_SAME,
    TURNED,
    TURNED_SAME,
    shift_figures,
    shift_notes,
    shift_tables,
)
from passband.lab.studies.study import Study
from passband.lab.studies.watch import Watch

_PAIRS = 2  # of random shifts, for consistency

_Change = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class ShiftConfig(LookingConfig):
    """The study.

    Attributes:
        shifts: Samples that maps are moved by; those that move a map out of itself are left out.
        angles: Degrees that images are turned by; series are not turned.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "shift"
    shifts: tuple[float, ...] = (1, 2, 3, 4, 6, 8)
    angles: tuple[float, ...] = (5, 10, 15, 20, 30, 45)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("shifts", "angles"):
            values = getattr(self, name)
            for value in values:
                check_positive(name, value, or_zero=True)
            # None is always part: it is what the others are compared with.
            object.__setattr__(self, name, tuple(sorted({0.0, *map(float, values)})))
        if max(self.angles) > 180:
            raise ValueError(f"angles are at most 180 degrees; got {max(self.angles):g}")


@alone
def shift(study: ShiftConfig, watch: Watch) -> list[Row]:
    """Trains every (data, model, seed, keep), and moves and turns what its last weights see.

    Rows with the shift or the angle as ``at``: ``moved_accuracy`` and ``turned_accuracy``;
    ``moved_same`` and ``turned_same``, the share of samples whose class is that of the sample as
    it is; ``moved_consistency``, the share whose classes after two random shifts agree.

    What it is given, returns and raises, ``DoStudy`` says.
    """

    def look(trained: Trained) -> Iterator[Found]:
        background = _background(trained)
        space = trained.loaded.space
        before = _classes(trained, lambda maps: maps)
        for size in (size for size in study.shifts if size < min(space)):
            changes = [
                partial(moved, offsets=offsets, background=background)
                for offsets in _directions(size, len(space))
            ]
            yield from _compared(trained, before, changes, (MOVED, MOVED_SAME), size)
            if size >= 1 and size == int(size):
                yield Found(CONSISTENT, _consistency(trained, background, size), size)
        for angle in study.angles if len(space) == 2 else ():
            turns = [
                partial(turned, degrees=signed, background=background)
                for signed in sorted({-angle, angle})
            ]
            yield from _compared(trained, before, turns, (TURNED, TURNED_SAME), angle)

    return look_at_each(study, watch, look, "moved and turned")


def _background(trained: Trained) -> Tensor:
    """What comes in: of images the darkest of each channel, of other maps zeros."""
    of = extent(trained.loaded).low.to(trained.batches[0][0])
    return of if len(trained.loaded.space) == 2 else torch.zeros_like(of)


def _directions(size: float, axes: int) -> list[tuple[float, ...]]:
    """Along each axis, both ways; of nothing there is one."""
    if not size:
        return [(0.0,) * axes]
    return [
        tuple(signed if axis == along else 0.0 for axis in range(axes))
        for along in range(axes)
        for signed in (size, -size)
    ]


def _classes(trained: Trained, change: _Change) -> Tensor:
    """What the network takes the changed samples for."""
    with torch.no_grad():
        return torch.cat([trained.model(change(maps)).argmax(1) for maps, _ in trained.batches])


def _compared(
    trained: Trained,
    before: Tensor,
    changes: Sequence[_Change],
    metrics: tuple[str, str],
    at: float,
) -> Iterator[Found]:
    labels = torch.cat([labels for _, labels in trained.batches])
    found = [_classes(trained, change) for change in changes]
    for metric, wanted in zip(metrics, (labels, before), strict=True):
        yield Found(metric, fmean(_share(classes == wanted) for classes in found), at)


def _consistency(trained: Trained, background: Tensor, size: float) -> float:
    """How often two random shifts of up to that many samples, whole ones, agree.

    Each sample has its own shifts, the same for all networks of a seed.
    """
    words = f"{trained.run.seed} {size:g}"
    generator = torch.Generator().manual_seed(zlib.crc32(words.encode()))
    most = int(size)
    agree = []
    with torch.no_grad():
        for maps, _ in trained.batches:
            for _ in range(_PAIRS):
                shape = (2, len(maps), maps.ndim - 2)
                drawn = torch.randint(-most, most + 1, shape, generator=generator)
                one, two = (
                    trained.model(moved_each(maps, offsets, background)).argmax(1)
                    for offsets in drawn
                )
                agree.append(one == two)
    return _share(torch.cat(agree))


def _share(right: Tensor) -> float:
    return float(right.double().mean())


SHIFT = Study(
    what="accuracy and consistency of maps that are moved or turned",
    title="Moved and turned",
    config=ShiftConfig,
    run=shift,
    tables=shift_tables,
    figures=shift_figures,
    notes=shift_notes,
    pairs=(("mnist-5k", "lenet5"),),
)
