"""Axes to draw on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def axes_or_new(axes: Axes | None) -> Axes:
    """The given axes, or those of a new figure.

    Raises:
        ImportError: matplotlib is not installed; the message says how to.
    """
    if axes is not None:
        return axes
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            'drawing needs matplotlib: pip install "passband[lab]", or give axes'
        ) from error
    new: Axes = pyplot.subplots(layout="constrained")[1]
    return new
