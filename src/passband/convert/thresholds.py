"""Thresholds of a spectral network: set, chosen from data, and what they keep."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from passband.convert.layers import check_model
from passband.convert.observe import input_of
from passband.functional.spectral.selection import check_beta
from passband.functional.spectral.spectrum import Spectrum
from passband.nn.spectrum import Threshold


def set_beta_(model: nn.Module, beta: float | Mapping[str, float]) -> None:
    """Set the thresholds of a model.

    Args:
        model: with `passband.nn.Threshold` in it.
        beta: one for all, or by name of the threshold; others stay as they are.

    Raises:
        TypeError: no module, or no number.
        ValueError: no threshold in the model, an unknown name, or beta negative or NaN. Nothing is
            changed then.

    Examples:
        >>> from passband.nn import SpecBlock2d
        >>> block = SpecBlock2d(3, 8, 3, beta=0.5)
        >>> set_beta_(block, {"threshold": 1.0})
        >>> block.threshold
        Threshold(beta=1, store='exact')
    """
    found = _thresholds("set_beta_", model)
    chosen = dict(beta) if isinstance(beta, Mapping) else dict.fromkeys(found, beta)
    for name, value in chosen.items():
        if name not in found:
            raise ValueError(f"set_beta_: there is no threshold {name!r}, only {', '.join(found)}")
        check_beta("set_beta_", value.detach().cpu() if isinstance(value, Tensor) else value)
    for name, value in chosen.items():
        found[name].beta.fill_(float(value))


def calibrate_beta_(
    model: nn.Module, batches: Iterable[object], density: float
) -> dict[str, float]:
    """Set each threshold so that a wanted share of its coefficients is kept.

    Runs the batches through the model without gradients, in the mode that it is in; all buffers but
    the thresholds stay what they were. One layer after another: later ones see the spectra that
    earlier ones leave. Of several batches a threshold is the mean.

    Args:
        model: with `passband.nn.Threshold` in it.
        batches: inputs, or tuples whose first entry is the input, as a DataLoader yields them.
        density: share of the half spectrum's coefficients to keep, in (0, 1].

    Returns:
        The threshold of each layer that saw data, by name.

    Raises:
        TypeError: no module, batches are one tensor, or a batch is none.
        ValueError: no threshold in the model, no batch, a density out of range, or coefficients
            that are not finite. Nothing is changed then.

    Examples:
        >>> from passband.nn import SpecBlock2d, ToSpectrum
        >>> model = nn.Sequential(ToSpectrum(), SpecBlock2d(3, 8, 3, beta=0.0, norm=True))
        >>> x = torch.randn(4, 3, 16, 16)
        >>> _ = calibrate_beta_(model, [x], density=0.25)
        >>> round(densities(model, x)["1.threshold"], 2)
        0.25
    """
    found = _thresholds("calibrate_beta_", model)
    if isinstance(batches, Tensor):
        raise TypeError(
            f"calibrate_beta_: batches are several, for instance [x]; got one of shape "
            f"{tuple(batches.shape)}"
        )
    if not isinstance(density, int | float) or not 0 < density <= 1:
        raise ValueError(f"calibrate_beta_: density is in (0, 1]; got {density!r}")
    seen: dict[str, list[float]] = {}

    def choose(name: str, spectrum: Spectrum) -> None:
        if spectrum.values.numel():
            betas = seen.setdefault(name, [])
            betas.append(_quantile(name, spectrum.values, density))
            found[name].beta.fill_(sum(betas) / len(betas))

    before = {name: threshold.beta.clone() for name, threshold in found.items()}
    try:
        _run("calibrate_beta_", model, batches, found, before=choose)
        if not seen:
            raise ValueError("calibrate_beta_: no batch reached a threshold; got no data")
    except BaseException:
        for name, threshold in found.items():
            threshold.beta.copy_(before[name])
        raise
    return {name: float(found[name].beta) for name in seen}


def densities(model: nn.Module, x: Tensor) -> dict[str, float]:
    """What share of its coefficients each threshold keeps of a batch, by name.

    Args:
        model: with `passband.nn.Threshold` in it; it runs as by `calibrate_beta_`.
        x: a batch.

    Raises:
        TypeError: no module, or no tensor.
        ValueError: no threshold in the model.
    """
    kept: dict[str, float] = {}
    _run("densities", model, [x], _thresholds("densities", model),
         after=lambda name, spectrum: kept.update({name: spectrum.density()}))  # fmt: skip
    return kept


See = Callable[[str, Spectrum], None]


def _run(
    name: str, model: nn.Module, batches: Iterable[object], found: Mapping[str, Threshold],
    before: See | None = None, after: See | None = None,
) -> None:  # fmt: skip
    """Run batches, and show what thresholds are given and what they return."""
    handles = []
    for of, threshold in found.items():
        if before is not None:
            handles.append(
                threshold.register_forward_pre_hook(lambda _, args, of=of: before(of, args[0]))
            )
        if after is not None:
            handles.append(
                threshold.register_forward_hook(lambda _, args, out, of=of: after(of, out))
            )
    try:
        with torch.no_grad(), _restored(model, {threshold.beta for threshold in found.values()}):
            for batch in batches:
                model(input_of(name, batch))
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _restored(model: nn.Module, but: set[Tensor]) -> Iterator[None]:
    """A scope after which buffers are what they were before."""
    kept = [(buffer, buffer.clone()) for buffer in model.buffers() if buffer not in but]
    try:
        yield
    finally:
        for buffer, value in kept:
            buffer.copy_(value)


def _quantile(name: str, values: Tensor, density: float) -> float:
    """The magnitude that this share of the coefficients reaches."""
    magnitude = torch.linalg.vector_norm(values.detach().float(), dim=1).flatten()
    if not magnitude.isfinite().all():
        raise ValueError(f"calibrate_beta_: the input of threshold {name!r} is not finite")
    count = len(magnitude)
    kept = min(count, max(1, math.floor(density * count + 0.5)))
    return 0.0 if kept == count else float(magnitude.kthvalue(count - kept + 1).values)


def _thresholds(name: str, model: nn.Module) -> dict[str, Threshold]:
    check_model(name, model)
    found = {of: m for of, m in model.named_modules() if isinstance(m, Threshold)}
    if not found:
        raise ValueError(f"{name}: {type(model).__name__} has no passband.nn.Threshold in it")
    return found
