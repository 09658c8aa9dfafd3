"""Figures that are drawn while the site is built, by the directive `drawn`.

    ```{drawn} edge
    :alt: What somebody is told who cannot see it.

    The caption.
    ```

The figure is what `draw()` returns of `figures/edge.py`, beside the page. It is drawn twice, in
colours for a light page and for a dark one, into `drawn/`, which git ignores.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any, ClassVar

import matplotlib
from cycler import cycler
from docutils import nodes
from docutils.parsers.rst import directives
from matplotlib import pyplot as plt
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_INK = {"light": "#24292f", "dark": "#d5dae0"}
_FAINT = {"light": "#c4cad1", "dark": "#4a5058"}


class Drawn(SphinxDirective):
    """A figure with its caption."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Draws it, and shows each page the one in its colours."""
        if "alt" not in self.options:
            raise self.error("a figure needs :alt:, for those who cannot see it")
        name, folder = self.arguments[0], Path(self.env.doc2path(self.env.docname)).parent
        script = folder / "figures" / f"{name}.py"
        self.env.note_dependency(str(script))
        figure = nodes.figure("", align="center")
        for theme in ("light", "dark"):
            uri = f"drawn/{name}-{theme}.svg"
            _draw(script, folder / uri, theme)
            look = {"align": "center", "classes": [f"only-{theme}"]}
            figure += nodes.image("", uri=uri, alt=self.options["alt"], **look)
        text = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, text)
        figure += [nodes.caption("", "", *block.children) for block in text.children[:1]]
        return [figure]


def _draw(script: Path, to: Path, theme: str) -> None:
    to.parent.mkdir(exist_ok=True)
    with plt.rc_context(_style(theme)):
        figure = runpy.run_path(str(script))["draw"]()
        figure.savefig(to, transparent=True, metadata={"Date": None})
        plt.close(figure)


def _style(theme: str) -> dict[Any, Any]:
    """Widths suit a phone: a figure of 5 inches is 480 pixels wide."""
    ink, faint = _INK[theme], _FAINT[theme]
    colors = ["#3b8fd6", "#e0812f", "#2fa37c", "#b07ad6", "#c9a227"]
    return {
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": faint,
        "xtick.color": ink,
        "ytick.color": ink,
        "grid.color": faint,
        "axes.grid": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": cycler(color=colors),
        "legend.frameon": False,
        "font.size": 10,
        "axes.titlesize": 10,
        "figure.figsize": (5, 3),
        "figure.constrained_layout.use": True,
        "svg.hashsalt": "passband",
    }


def setup(app: Sphinx) -> dict[str, bool]:
    """Adds the directive."""
    matplotlib.use("Agg")
    app.add_directive("drawn", Drawn)
    return {"parallel_read_safe": True}
