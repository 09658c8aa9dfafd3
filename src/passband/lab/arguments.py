"""The words that the command line understands."""

import argparse
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any, NoReturn

import yaml

import passband
from passband.lab.attacks import ATTACKS
from passband.lab.bench.arguments import add_bench
from passband.lab.config import (
    FFT_SIZES,
    OPTIMIZERS,
    PLANS,
    POLICIES,
    SCHEDULES,
    STORES,
    TrainConfig,
)
from passband.lab.data.augmentation import AUGMENTATIONS
from passband.lab.data.noise import NOISES
from passband.lab.export.arguments import add_export
from passband.lab.inspect.arguments import add_inspect
from passband.lab.recipes import RECIPES_OF_PAPERS
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


def _option(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"name=value; got {text!r}")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        return name, value


# What studies are told; which of them takes it, the fields of its config say.
STUDY_OPTIONS: dict[str, tuple[Callable[[str], Any], bool, str]] = {
    "keep": (_keep, True, "fractions kept; plain is always part"),
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
    "attacks": (str, True, f"names, of {', '.join(ATTACKS)} (default all that can be run here)"),
    "epsilons": (float, True, "strengths of attacks, in shares of the range of the data"),
    "steps": (int, False, "of attacks along the gradient"),
    "restarts": (int, False, "of attacks that begin at random; the worst counts"),
    "samples": (int, False, "of the test set that are looked at, from all over it (default all)"),
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
    one.add_argument("--energy", type=float, help="instead: share of energy that bands hold")
    one.add_argument("--layer-keeps", type=float, nargs="+", metavar="KEEP",
                     help="instead: one for each convolution")  # fmt: skip
    one.add_argument("--keep-start", type=float,
                     help="the first epoch's; comes to --keep at half of the epochs")  # fmt: skip
    one.add_argument("--keep-least", type=float,
                     help="each step's keep is drawn from this to --keep")  # fmt: skip
    one.add_argument("--beta", type=float, help="threshold of a spectral model (default: its own)")
    one.add_argument("--density", type=float,
                     help="instead: choose thresholds that keep this share")  # fmt: skip
    one.add_argument("--beta-epochs", type=int, help="over which beta rises from 0 (default none)")
    one.add_argument("--seed", type=int, help="default 0")
    one.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    one.set_defaults(command="train")

    study = commands.add_parser("study", help="a grid of runs, its figures and report; "
                                "the same command again continues a stopped one")  # fmt: skip
    study.add_argument("name", help="; ".join(
        [*(f"{name}: {study.what}" for name, study in STUDIES.items()),
         "list: these, and the papers' experiments, each by its name",
         "or the path of an experiment's .yaml"]
    ))  # fmt: skip
    for name in ("--data", "--model"):
        study.add_argument(name, nargs="+", action="extend",
                           help="one or more; data and models go in pairs (each study has its own "
                           "default)")  # fmt: skip
    for option, (kind, several, what) in STUDY_OPTIONS.items():
        some: dict[str, Any] = {"nargs": "+", "action": "extend"} if several else {}
        of = ", ".join(name for name, study in STUDIES.items() if option in study.options)
        flag = f"--{option.replace('_', '-')}"
        study.add_argument(flag, type=kind, help=f"{what} ({of})", **some)
    study.add_argument("--jobs", type=int, help="trainings side by side on this machine")
    study.add_argument("--ray", metavar="ADDRESS", help="train on a Ray cluster")
    study.add_argument("--bundled", action="store_true",
                       help="an experiment of a paper, on data that ships")  # fmt: skip
    study.add_argument("--allow-imports", action="store_true",
                       help="run code that an experiment's file names by path")  # fmt: skip
    study.set_defaults(command="study")

    for command in (one, study):
        command.add_argument("--out", required=command is one, help="the run directory")
        _add_run_options(command)

    add_bench(commands)
    add_inspect(commands, _option)
    add_export(commands, _option)

    again = commands.add_parser("report", help="draw figures and page again from results.csv")
    again.add_argument("directories", nargs="+", metavar="RUN", help="a run directory")
    again.add_argument("--out", metavar="PAGE", help="one page of several runs")
    again.set_defaults(command="report")

    demo = commands.add_parser("demo", help="the study rates on two small problems, in minutes")
    demo.add_argument("--out", default="runs/demo", help="the run directory (runs/demo)")
    demo.set_defaults(command="demo")
    return top


def _add_run_options(command: argparse.ArgumentParser) -> None:
    maps = command.add_argument_group("data and model")
    maps.add_argument("--root", "--data-dir", help="folder of data that is not shipped")
    maps.add_argument("--option", type=_option, nargs="+", action="extend", dest="options",
                      metavar="NAME=VALUE", help="of the model")  # fmt: skip
    maps.add_argument("--preprocessing", help="of the maps (default: the data's own)")
    maps.add_argument("--resize", type=int, help="samples of an axis after resampling")
    maps.add_argument("--pad", type=int, help="samples of an axis after padding")
    maps.add_argument("--augment", choices=tuple(AUGMENTATIONS), help="maps in training")
    maps.add_argument("--noise", type=float, help="strength of noise in training")
    maps.add_argument("--noise-kind", choices=tuple(NOISES), help="of which kind (gaussian)")
    maps.add_argument("--limit", type=int, help="train on so many samples")
    maps.add_argument("--validation", type=float, help="share of the training set held out")
    recipe = command.add_argument_group("training (default: the model's recipe)")
    recipe.add_argument("--recipe", choices=tuple(RECIPES_OF_PAPERS), help="a paper's")
    recipe.add_argument("--epochs", type=int)
    recipe.add_argument("--batch-size", type=int)
    recipe.add_argument("--accumulate", type=int, help="batches whose gradients make a step")
    recipe.add_argument("--lr", type=float, dest="learning_rate")
    recipe.add_argument("--optimizer", choices=OPTIMIZERS)
    recipe.add_argument("--momentum", type=float, help="of sgd")
    recipe.add_argument("--weight-decay", type=float)
    recipe.add_argument("--schedule", choices=SCHEDULES)
    recipe.add_argument("--patience", type=int, help="epochs that make a plateau")
    recipe.add_argument("--factor", type=float, help="of the rate on a plateau")
    recipe.add_argument("--early-stop", type=int, help="end after so many epochs without progress")
    band = command.add_argument_group("bands and memory")
    band.add_argument("--fft-size", choices=FFT_SIZES, help="length of transforms")
    band.add_argument("--plan", choices=PLANS, help="how band convolutions are computed")
    band.add_argument("--memory", choices=POLICIES, help="policy of what is held for backward")
    band.add_argument("--store", choices=STORES, help="how spectral models hold what they keep")
    place = command.add_argument_group("where (as in Lightning)")
    place.add_argument("--accelerator")
    place.add_argument("--devices", type=_devices)
    place.add_argument("--strategy")
    place.add_argument("--num-nodes", type=int)
    place.add_argument("--precision")


def training_words(options: argparse.Namespace) -> dict[str, Any]:
    """How models are trained: what the user said of it, None for what he did not."""
    named = {field.name for field in fields(TrainConfig)} - _OF_ONE_RUN | {"recipe"}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(options).items()
        if name in named
    }


# What a single training is told and a study varies.
_OF_ONE_RUN = frozenset(
    {"data", "model", "out", "keep", "energy", "layer_keeps", "keep_start", "keep_least", "beta",
     "density", "beta_epochs"}
)  # fmt: skip
