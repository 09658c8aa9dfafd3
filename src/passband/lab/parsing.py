"""Reading a command line: errors in one line, guesses at what was meant, help with examples."""

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import yaml

from passband.spelling import meant

Commands = argparse._SubParsersAction  # what `add_subparsers` returns; it has no public name


class Parser(argparse.ArgumentParser):
    """A parser whose errors are ``ValueError`` and name the nearest right word.

    Options are written in full, so that a new one never changes what an old command means. Every
    command takes ``--debug``, before its name too.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(
            **{
                "formatter_class": argparse.RawDescriptionHelpFormatter,
                "allow_abbrev": False,
                **given,
            }
        )
        self.add_argument(
            "--debug", action="store_true", default=argparse.SUPPRESS,
            help="show where an error came from",
        )  # fmt: skip

    def parse_known_args(  # type: ignore[override]  # of which only this form is called
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Reads the words; those without a command ask for help."""
        words = list(args or ())
        if not words and self._subparsers is not None:
            words = ["--help"]
        self._check_options(words)
        return super().parse_known_args(words, namespace)

    def _check_options(self, words: Sequence[str]) -> None:
        """Looks for unknown options first: argparse tells of what is missing before it."""
        for word in words:
            if word == "--" or (self._subparsers is not None and not word.startswith("-")):
                return  # what follows is no option, or another parser's
            option = word.partition("=")[0]
            if option.startswith("--") and option not in self._option_string_actions:
                self.error(f"unknown option {option}{meant(option, self._option_string_actions)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += meant(value, map(str, action.choices or ()))
            raise

    def error(self, message: str) -> NoReturn:
        """Raises ``ValueError``."""
        raise ValueError(message)


def examples(*lines: str) -> str:
    """The end of a command's help: command lines that work, each below what it does.

    Args:
        lines: What the first does, the first, what the second does, and so on.

    Example:
        >>> print(examples("which studies there are", "passband study list"))
        examples:
          # which studies there are
          passband study list
    """
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return "\n".join(["examples:", *(f"  # {what}\n  {words}" for what, words in pairs)])


def add_json(command: argparse._ActionsContainer) -> None:
    """Adds ``--json`` to a command or a group of its words."""
    command.add_argument(
        "--json", action="store_true", help="print one JSON object, and nothing else, on stdout"
    )


def keep(text: str) -> float | None:
    """A number, or None for ``plain``."""
    if text == "plain":
        return None
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a number in (0, 1] or 'plain'; got {text!r}") from None


def devices(text: str) -> int | str:
    """A count, or what Lightning understands."""
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def option(text: str) -> tuple[str, object]:
    """A name and a value, which is read as YAML."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"name=value; got {text!r}")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        return name, value
