"""An experiment: a study with its data, models and options, read from YAML.

    study: rates                      # as on the command line
    about: "One sentence"
    paper: [icml-cifar10-fixed]       # tables of passband.lab.papers to draw beside it
    data: [cifar10]
    model: [resnet18_icml]
    recipe: icml
    options: {keep: [1, 0.5], epochs: 350, fft_size: reference}
    bundled: {data: [digits], model: [lenet5], recipe: null, options: {epochs: 5}}

An option is a word of the command line without its dashes. ``bundled`` is the same with data that
ships in a package: what it says stands in place of what is above, and null takes it away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from passband.lab import papers
from passband.lab.checks import check_text
from passband.lab.files import read_yaml
from passband.spelling import meant

_FOLDER = Path(__file__).parent
_WORDS = frozenset({"out", "data", "model", "recipe", "study"})  # never among the options


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One experiment.

    Attributes:
        name: Of its file.
        study: On the command line.
        about: What it shows, in a sentence.
        paper: Tables of ``passband.lab.papers`` that belong beside its results.
        data: Names; none leaves the study's own. Data and models go in pairs.
        model: Names, likewise.
        recipe: A paper's; None leaves each model's own.
        options: Words of the command line without dashes, ``-`` written as ``_``, and their values:
            a text, a number or a list of them; true for a word that stands alone.
        bundled: The same in minutes, with data that ships in a package.

    Raises:
        ValueError: A value is not such; the message has it.
    """

    name: str
    study: str
    about: str
    paper: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    recipe: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    bundled: Experiment | None = None

    def __post_init__(self) -> None:
        for name in ("name", "study", "about"):
            check_text(name, getattr(self, name))
        if self.recipe is not None:
            check_text("recipe", self.recipe)
        for one in self.paper:
            _check_known("paper", one, papers.available())
        for option, value in self.options.items():
            _check_option(option, value)

    def arguments(self, bundled: bool = False) -> list[str]:
        """What ``passband study STUDY`` is told, as words.

        Args:
            bundled: Whether to take the short form, with data that ships in a package.

        Raises:
            ValueError: There is no short form.

        Example:
            >>> load("icml-mnist").arguments(bundled=True)[:4]
            ['--data', 'mnist-5k', '--model', 'lenet5']
        """
        if bundled:
            if self.bundled is None:
                raise ValueError(f"experiment {self.name} has no form with bundled data")
            return self.bundled.arguments()
        given = {"data": self.data, "model": self.model, "recipe": self.recipe, **self.options}
        return [word for option, value in given.items() for word in _words(option, value)]


def available() -> tuple[str, ...]:
    """The experiments that ``load`` knows by name.

    Example:
        >>> "icml-cifar10-fixed" in available()
        True
    """
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def load(name: str) -> Experiment:
    """Reads an experiment.

    Args:
        name: One of ``available``, or the path of a ``.yaml`` file.

    Raises:
        ValueError: There is no such experiment, or the file is damaged; the message names it.
        OSError: The file cannot be read.
    """
    if name.endswith((".yaml", ".yml")):
        return _read(Path(name))
    if name not in available():
        raise ValueError(
            f"unknown experiment {name!r}: there is {', '.join(available())}, or the path of a "
            f".yaml file{meant(name, available())}"
        )
    return _read(_FOLDER / f"{name}.yaml")


def _read(path: Path) -> Experiment:
    content = read_yaml(path)
    try:
        _check_keys(content, {one.name for one in fields(Experiment)} - {"name"})
        for needed in ("study", "about"):
            if needed not in content:
                raise ValueError(f"{needed} is missing")
        short = content.pop("bundled", None)
        whole = Experiment(name=path.stem, **_values(content))
        return whole if short is None else replace(whole, bundled=_shortened(whole, short))
    except ValueError as error:
        raise ValueError(f"{path} is no experiment: {error}") from error


def _shortened(whole: Experiment, short: object) -> Experiment:
    """The experiment with other data."""
    if not isinstance(short, dict):
        raise ValueError(f"bundled is named values; got {short!r}")
    _check_keys(short, {"data", "model", "recipe", "options"})
    values = _values(short)
    options = {**whole.options, **values.pop("options", {})}
    left = {option: value for option, value in options.items() if value is not None}
    return replace(whole, **values, options=left)


def _values(content: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an experiment from those of a file."""
    values = dict(content)
    for name in ("paper", "data", "model"):
        if name in values:
            values[name] = _names(name, values[name])
    if not isinstance(values.get("options", {}), dict):
        raise ValueError(f"options are named values; got {values['options']!r}")
    return values


def _names(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ValueError(f"{key} is a list of names; got {value!r}")
    return tuple(value)


def _check_keys(content: Mapping[Any, Any], known: Iterable[str]) -> None:
    for key in content:
        _check_known("key", key, sorted(known))


def _check_known(what: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(
            f"unknown {what} {value!r}: there is {', '.join(known)}{meant(value, known)}"
        )


def _check_option(option: object, value: object) -> None:
    if not isinstance(option, str) or not option.replace("_", "").isalnum() or option in _WORDS:
        raise ValueError(
            f"an option is a word of the command line without dashes, and none of "
            f"{', '.join(sorted(_WORDS))}; got {option!r}"
        )
    if value is None or isinstance(value, bool):
        return
    entries = value if isinstance(value, list | tuple) else (value,)
    if not entries or any(
        isinstance(one, bool) or not isinstance(one, str | int | float) for one in entries
    ):
        raise ValueError(f"{option} is a text, a number or a list of them; got {value!r}")


def _words(option: str, value: Any) -> list[str]:
    """An option as words: none if it is not given."""
    if value is None or value is False or value == ():  # () where an experiment names no data
        return []
    flag = f"--{option.replace('_', '-')}"
    if value is True:
        return [flag]
    return [flag, *map(str, value if isinstance(value, list | tuple) else [value])]
