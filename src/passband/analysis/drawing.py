"""Where analyses draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def axes_or_new(axes: Axes | None) -> Axes:
    """The axes given, or those of a new figure.

    Raises:
        ImportError: there are none, and matplotlib, which is in the extra `lab`, is not installed.
    """
    if axes is not None:
        return axes
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            'drawing needs matplotlib: install it with `pip install "passband[lab]"`'
        ) from error
    return pyplot.subplots(layout="constrained")[1]
