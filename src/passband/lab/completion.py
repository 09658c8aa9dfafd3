"""``passband completion``: what a shell completes of the words of the command line."""

from argparse import Namespace
from collections.abc import Iterable, Mapping

from passband.lab import data, experiments, models
from passband.lab.arguments import parser, parsers
from passband.lab.attacks import ATTACKS
from passband.lab.data.corruptions import CORRUPTIONS
from passband.lab.data.noise import NOISES
from passband.lab.data.packages import require
from passband.lab.studies import STUDIES

# By what stands in the help for a value: shtab's words for paths.
_PATHS = {"DIR": "directory", "FILE": "file", "PAGE": "file", "CSV": "file"}
# Bash would take the words of ucr:GunPoint for three.
_BASH = "COMP_WORDBREAKS=${COMP_WORDBREAKS//:/}"


def command(options: Namespace) -> None:
    """Prints the script of a shell."""
    print(script(options.shell), end="")


def script(shell: str) -> str:
    """The script, made of what the parsers know and of the names of what there is.

    Args:
        shell: One of ``SHELLS``.

    Raises:
        ImportError: ``shtab`` is not installed.
    """
    top, names = parser(), _names()
    for action in (one for each in parsers(top) for one in each._actions):
        if action.metavar in _PATHS:
            action.complete = _PATHS[action.metavar]  # type: ignore[attr-defined]  # for shtab
        elif action.choices is None and action.dest in names:  # a parser that only shtab sees
            known = names[action.dest]
            action.choices = [one.replace(":", r"\:") if shell == "zsh" else one for one in known]
    text: str = require("shtab").complete(top, shell, preamble={"bash": _BASH})
    return text if text.endswith("\n") else f"{text}\n"


def _names() -> Mapping[str, Iterable[str]]:
    """What there is to choose from, where a user may also name his own."""
    shipped = data.available()
    return {
        "model": models.available(),
        "data": [one for one in data.known() if one in shipped or ":" not in one],
        "name": [*STUDIES, *experiments.available(), "list"],
        "attacks": tuple(ATTACKS),
        "noises": tuple(NOISES),
        "corruptions": tuple(CORRUPTIONS),
    }
