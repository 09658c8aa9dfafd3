"""The words that the command line understands."""

import argparse
import re
from collections.abc import Callable
from typing import Any, NoReturn

import passband
from passband.lab.bench.arguments import add_bench
from passband.lab.config import OPTIMIZERS, PLANS, RECIPES_OF_PAPERS, SCHEDULES, STORES
from passband.lab.studies import STUDIES


def _keep(text: str) -> float | None:
    if text == "plain":
        return None
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a number in (0, 1] or 'plain'; got {text!r}") from None


def _devices(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d+", text) else text


# What studies are told; which of them takes it, the fields of its config say.
STUDY_OPTIONS: dict[str, tuple[Callable[[str], Any], bool, str]] = {
    "keep": (_keep, True, "fractions kept; plain is always part"),
    "beta": (float, True, "thresholds"),
    "fractions": (float, True, "of the numbers that are kept"),
    "seeds": (int, False, "how many, from 0"),
    "maps": (int, False, "samples that maps are taken of"),
    "channels": (int, False, "how many are shown"),
}


class _Parser(argparse.ArgumentParser):
    """Reports a wrong command line as every other error: in one line."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def parser() -> argparse.ArgumentParser:
    """Reads a command line; a wrong one raises ``ValueError``."""
    top = _Parser(prog="passband", description=passband.__doc__)
    top.add_argument("--version", action="version", version=passband.__version__)
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    one = commands.add_parser("train", help="train one model and measure it")
    one.add_argument("--data", required=True, help="for instance mnist-5k, digits, ucr:GunPoint")
    one.add_argument(
        "--model", required=True, help="for instance lenet5, fcn, vgg16, spec_vgg16_bn"
    )
    one.add_argument("--keep", type=_keep, help="fraction kept, or plain (default) for nn.Conv")
    one.add_argument("--beta", type=float, help="threshold of a spectral model (default: its own)")
    one.add_argument("--density", type=float,
                     help="instead: choose thresholds that keep this share")  # fmt: skip
    one.add_argument("--beta-epochs", type=int, help="over which beta rises from 0 (default none)")
    one.add_argument("--seed", type=int, help="default 0")
    one.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    one.set_defaults(command="train")

    study = commands.add_parser("study", help="a grid of runs, its figures and report; "
                                "the same command again continues a stopped one")  # fmt: skip
    study.add_argument("name", help="; ".join(f"{name}: {study.what}"
                                              for name, study in STUDIES.items()))  # fmt: skip
    for name in ("--data", "--model"):
        study.add_argument(name, nargs="+", action="extend",
                           help="one or more; data and models go in pairs (each study has its own "
                           "default)")  # fmt: skip
    for option, (kind, several, what) in STUDY_OPTIONS.items():
        some: dict[str, Any] = {"nargs": "+", "action": "extend"} if several else {}
        of = ", ".join(name for name, study in STUDIES.items() if option in study.options)
        study.add_argument(f"--{option}", type=kind, help=f"{what} ({of})", **some)
    study.set_defaults(command="study")

    for command in (one, study):
        command.add_argument("--out", required=True, help="the run directory")
        _add_run_options(command)

    add_bench(commands)

    again = commands.add_parser("report", help="draw figures and page again from results.csv")
    again.add_argument("directory", help="a run directory")
    again.set_defaults(command="report")

    demo = commands.add_parser("demo", help="the study rates on two small problems, in minutes")
    demo.add_argument("--out", default="runs/demo", help="the run directory (runs/demo)")
    demo.set_defaults(command="demo")
    return top


def _add_run_options(command: argparse.ArgumentParser) -> None:
    recipe = command.add_argument_group("training (default: the model's recipe)")
    recipe.add_argument("--recipe", choices=tuple(RECIPES_OF_PAPERS), help="a paper's")
    recipe.add_argument("--epochs", type=int)
    recipe.add_argument("--batch-size", type=int)
    recipe.add_argument("--lr", type=float, dest="learning_rate")
    recipe.add_argument("--optimizer", choices=OPTIMIZERS)
    recipe.add_argument("--momentum", type=float, help="of sgd")
    recipe.add_argument("--weight-decay", type=float)
    recipe.add_argument("--schedule", choices=SCHEDULES)
    recipe.add_argument("--plan", choices=PLANS, help="how band convolutions are computed")
    recipe.add_argument("--store", choices=STORES, help="how spectral models hold what they keep")
    place = command.add_argument_group("where (as in Lightning)")
    place.add_argument("--root", help="folder of data that is not shipped")
    place.add_argument("--accelerator")
    place.add_argument("--devices", type=_devices)
    place.add_argument("--strategy")
    place.add_argument("--num-nodes", type=int)
    place.add_argument("--precision")
