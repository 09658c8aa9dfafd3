"""The largest batch, and the largest maps, that fit in so much memory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from passband.memory.example import Example, batch_size_of, inputs_of, stretched
from passband.memory.growth import LEAST, growth
from passband.memory.saved import readable
from passband.memory.trial import Loss, MakeOptimizer, Training, mean_square

_FULL = 0.97  # of the limit taken: near enough, the estimate is no nearer
_AIM = (1 + _FULL) / 2
_TRIED = 2**27  # bytes of the least trial at most; what larger maps take follows by their area


def largest_batch(
    model: nn.Module,
    example: Example,
    limit: float,
    *,
    optimizer: MakeOptimizer = torch.optim.AdamW,
    loss: Loss = mean_square,
) -> int:
    """The largest batch size whose training step, as `estimate` sees it, takes `limit` bytes.

    Args:
        model: as in `estimate`.
        example: as in `estimate`.
        limit: bytes, as `8 * 2**30`; leave room for what `estimate` does not see.
        optimizer: as in `estimate`.
        loss: as in `estimate`.

    Raises:
        TypeError: as in `estimate`.
        ValueError: as in `estimate`, or one sample does not fit.

    Examples:
        >>> from passband.memory import estimate
        >>> model = torch.nn.Sequential(torch.nn.Conv1d(4, 8, 3), torch.nn.ReLU())
        >>> size = largest_batch(model, torch.zeros(1, 4, 1026), 8 * 2**20)
        >>> estimate(model, torch.zeros(size, 4, 1026)).peak <= 8 * 2**20
        True
    """
    inputs, most = inputs_of("largest_batch", example), _bytes("largest_batch", limit)
    grown = growth(Training("largest_batch", model, optimizer, loss), inputs)
    found = grown.largest(most)
    if not found:
        raise ValueError(
            f"largest_batch: one sample takes {grown.peak(1)} bytes, {readable(grown.peak(1))}; "
            f"got limit={limit}"
        )
    return found


def largest_input(
    model: nn.Module,
    example: Tensor,
    limit: float,
    *,
    batch_size: int | None = None,
    multiple: int = 1,
    optimizer: MakeOptimizer = torch.optim.AdamW,
    loss: Loss = mean_square,
) -> tuple[int, ...]:
    """The largest maps, in the example's proportions, that a training step has room for.

    The estimate at some size says which to try next, until 97 % of the limit are taken or one
    more sample an axis does not fit. Maps of which four take more than 128 MiB are not tried: what
    they take is estimated by their area.

    Args:
        model: as in `estimate`; takes maps of any size.
        example: `(N, C, *space)`.
        limit: bytes, as `8 * 2**30`; leave room for what `estimate` does not see.
        batch_size: that of training; by default the example's.
        multiple: of which sizes are multiples, as networks ask for that halve maps again and again.
        optimizer: as in `estimate`.
        loss: as in `estimate`.

    Returns:
        A size for each space axis.

    Raises:
        TypeError: the example is not a tensor, or as in `estimate`.
        ValueError: the example has no space axes, no maps fit, the model does not take
            those that may, or as in `estimate`.

    Examples:
        >>> from passband.memory import estimate
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(4, 8, 3), torch.nn.ReLU())
        >>> space = largest_input(model, torch.zeros(8, 4, 16, 32), 8 * 2**20)
        >>> 0.9 < estimate(model, torch.zeros(8, 4, *space)).peak / (8 * 2**20) <= 1
        True
    """
    name, most = "largest_input", _bytes("largest_input", limit)
    if not isinstance(example, Tensor):
        raise TypeError(f"{name}: the example is a Tensor; got {type(example).__name__}")
    (x,), size = inputs_of(name, example), batch_size_of(name, [example], batch_size)
    if x.dim() < 3:
        raise ValueError(f"{name}: the example is (N, C, *space); got shape {tuple(x.shape)}")
    if multiple < 1:
        raise ValueError(f"{name}: multiple is at least 1; got {multiple}")
    training = Training(name, model, optimizer, loss)
    longest = max(x.shape[2:])

    def space(units: int) -> tuple[int, ...]:
        return tuple(max(1, round(n * units / longest)) * multiple for n in x.shape[2:])

    def attempt(units: int) -> _Attempt:
        try:
            grown = growth(training, [stretched(x, space(units))], size)
        except (RuntimeError, ValueError) as error:
            if space(units) == x.shape[2:]:
                raise
            raise ValueError(
                f"{name}: the next maps to try, of {space(units)}, the model does not take; got an "
                f"example of {tuple(x.shape[2:])}, limit={limit}, multiple={multiple}"
            ) from error
        seen = grown.peak(min(size, LEAST[1]))
        return _Attempt(units, grown.last.lasting, grown.peak(size), seen)

    first = attempt(max(1, longest // multiple))
    found = _largest(attempt, first, most, x.dim() - 2)
    if not found:
        raise ValueError(
            f"{name}: parameters, buffers and optimizer take {readable(first.lasting)}, and not "
            f"even maps of {space(1)} fit beside them; got limit={limit}"
        )
    return space(found)


@dataclass(frozen=True)
class _Attempt:
    """Maps that were tried.

    Attributes:
        units: their longest side.
        lasting: bytes whatever the maps.
        peak: bytes of the step that is asked about.
        seen: bytes of the least trial.
    """

    units: int
    lasting: int
    peak: int
    seen: int

    def units_of(self, peak: float, axes: int) -> float:
        """The side of maps at which a step is expected to take so many bytes."""
        return self._scaled(peak - self.lasting, self.peak, axes)

    def affordable(self, axes: int) -> float:
        """The side of the largest maps that are tried."""
        return self._scaled(_TRIED, self.seen, axes)

    def _scaled(self, wanted: float, found: int, axes: int) -> float:
        ratio = max(wanted, 0) / (found - self.lasting)
        return float(self.units * ratio ** (1 / axes))


def _largest(attempt: Callable[[int], _Attempt], now: _Attempt, limit: int, axes: int) -> int:
    """The longest side that fits; 0 if none does."""
    low, high = 0, sys.maxsize
    while limit > now.lasting:
        if now.peak <= limit:
            low = now.units
            if now.peak >= _FULL * limit:
                break
        else:
            high = now.units
        wanted, affordable = now.units_of(_AIM * limit, axes), now.affordable(axes)
        known = wanted > now.units > 0.9 * affordable
        side = min(max(int(wanted if known else min(wanted, affordable)), low + 1), high - 1)
        if known or side <= low:
            return side
        now = attempt(side)
    return low


def _bytes(name: str, limit: float) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        raise TypeError(f"{name}: limit is a number of bytes; got {limit!r}")
    if not 0 < limit < sys.maxsize:
        raise ValueError(f"{name}: limit is a positive number of bytes; got {limit}")
    return int(limit)
