"""The words of ``passband study``."""

import textwrap
from collections.abc import Callable
from typing import Any

from passband.lab.attacks import ATTACKS
from passband.lab.data.noise import NOISES
from passband.lab.parsing import Commands, add_json, examples, keep
from passband.lab.studies import STUDIES
from passband.lab.studies.study import Study
from passband.lab.training_arguments import add_training

# What studies are told; which of them takes it, the fields of its config say.
STUDY_OPTIONS: dict[str, tuple[Callable[[str], Any], bool, str]] = {
    "keep": (keep, True, "fractions kept; plain is always part"),
    "test_keep": (float, True, "fractions kept in the test, whatever was trained"),
    "least": (float, False, "least of the keeps that are drawn in training"),
    "start": (float, True, "fractions kept where a moving band begins"),
    "energy": (float, True, "shares of energy that bands hold, chosen for each batch"),
    "beta": (float, True, "thresholds"),
    "fractions": (float, True, "of the numbers that are kept"),
    "seeds": (int, False, "how many, from 0"),
    "repeats": (int, False, "timed steps of each model; in rates 0 times nothing"),
    "budget": (float, False, "share of plain's cost that the layers together may have"),
    "budget_of": (str, False, "time (estimated) or bytes (held by convolutions)"),
    "batches": (int, True, "samples in a batch"),
    "sizes": (int, True, "samples of the maps on every axis"),
    "maps": (int, False, "samples that maps are taken of"),
    "channels": (int, False, "how many are shown"),
    "noises": (str, True, f"kinds of noise, of {', '.join(NOISES)}"),
    "strengths": (float, True, "of all of them (default: each has its own)"),
    "sigma": (float, False, "standard deviation of the wave that is added to the input"),
    "input_keep": (float, True, "shares of the frequencies that are left of the input"),
    "train_noise": (float, True, "strengths of noise in training (of --noise-kind), 0 for none"),
    "attacks": (str, True, f"names, of {', '.join(ATTACKS)} (default: all that can be run here)"),
    "epsilons": (float, True, "strengths of attacks, in shares of the range of the data"),
    "steps": (int, False, "of attacks along the gradient"),
    "restarts": (int, False, "of attacks that begin at random; the worst counts"),
    "samples": (int, False, "of the test set that are looked at, from all over it (default: all)"),
    "corruptions": (str, True, "names of corruptions"),
    "severities": (int, True, "of corruptions, 1 to 5"),
    "corrupted": (
        str,
        False,
        "folder of corrupted images as CIFAR-10-C or ImageNet-C, in place of made ones",
    ),
    "shifts": (float, True, "samples that maps are moved by"),
    "angles": (float, True, "degrees that images are turned by"),
}

_DESCRIPTION = """\
Trains a grid of models, measures them, and writes a run directory: the table
results.csv, figures, and the page report.html. The same command again continues
a study that was stopped.

NAME is a study (listed here with the options that it takes), an experiment of
the papers, the path of an experiment's .yaml, or "list", which shows them all."""

_EXAMPLES = examples(
    "which studies and experiments there are",
    "passband study list",
    "accuracy, memory and time against keep",
    "passband study rates --keep 1 .5 .1 --out runs/rates",
    "data and models go in pairs; three seeds of each",
    "passband study rates --data mnist-5k ucr:GunPoint --model lenet5 fcn \\\n"
    "      --seeds 3 --out runs/both",
    "a paper's experiment, in minutes, on data that ships with a package",
    "passband study icml-cifar10-fixed --bundled --out runs/icml",
)
_WIDTH = 78


def add_study(commands: "Commands[Any]") -> None:
    """Adds the command ``study``."""
    study = commands.add_parser(
        "study", help="a grid of runs with its figures and report",
        description=f"{_DESCRIPTION}\n\n{_listed()}",
        epilog=_EXAMPLES, usage="passband study NAME --out DIR [options]",
    )  # fmt: skip
    study.add_argument("name", metavar="NAME", help="of a study or an experiment, or list")
    study.add_argument("--out", metavar="DIR", help="the run directory")
    for name in ("data", "model"):
        study.add_argument(f"--{name}", nargs="+", action="extend", metavar="NAME",
                           help="one or more, data and models in pairs (default: the "
                           "study's)")  # fmt: skip
    add_json(study)
    varied = study.add_argument_group("what studies vary")
    for name, (kind, several, what) in STUDY_OPTIONS.items():
        some: dict[str, Any] = {"nargs": "+", "action": "extend"} if several else {}
        varied.add_argument(flag(name), type=kind, help=what, metavar=_METAVARS[kind], **some)
    paper = study.add_argument_group("experiments of papers")
    paper.add_argument("--bundled", action="store_true", help="on data that ships, in minutes")
    paper.add_argument("--allow-imports", action="store_true",
                       help="run code that an experiment's file names by path")  # fmt: skip
    side = study.add_argument_group("several trainings at a time")
    side.add_argument("--jobs", type=int, metavar="N", help="side by side on this machine")
    side.add_argument("--ray", metavar="ADDRESS", help="on a Ray cluster")
    add_training(study)
    study.set_defaults(command="study")


_METAVARS: dict[Callable[[str], Any], str] = {keep: "KEEP", float: "X", int: "N", str: "NAME"}


def flag(option: str) -> str:
    """An option as it is typed.

    Example:
        >>> flag("test_keep")
        '--test-keep'
    """
    return f"--{option.replace('_', '-')}"


def options_of(study: Study) -> list[str]:
    """What a study can be told, as it is typed, in the order of the help."""
    return [flag(name) for name in STUDY_OPTIONS if name in study.options]


def _listed() -> str:
    """Each study with its options, below each other."""
    wide = max(map(len, STUDIES)) + 4
    lines = ["studies:"]
    for name, study in STUDIES.items():
        what, *more = (
            line
            for text in (study.what, " ".join(options_of(study)))
            for line in textwrap.wrap(text, _WIDTH - wide, break_on_hyphens=False)
        )
        lines += [f"  {name}".ljust(wide) + what, *(" " * wide + line for line in more)]
    return "\n".join(lines)
