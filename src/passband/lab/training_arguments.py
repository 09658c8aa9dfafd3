"""The words that say how models are trained: of ``passband train`` and of every study."""

import argparse
from dataclasses import fields
from typing import Any

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
from passband.lab.parsing import Commands, add_json, devices, examples, keep, option
from passband.lab.recipes import RECIPES_OF_PAPERS

_EXAMPLES = examples(
    "a band-limited network on images that ship with a package",
    "passband train --data mnist-5k --model lenet5 --keep 0.5 --out runs/lenet5",
    "go on where a run was stopped",
    "passband train --data mnist-5k --model lenet5 --keep 0.5 --out runs/lenet5 \\\n"
    "      --resume",
    "a time series, bands that hold 90 % of the energy",
    "passband train --data ucr:GunPoint --model fcn --energy 0.9 --out runs/fcn",
    "CIFAR-10 from a folder of yours, held activations in 16 bits",
    "passband train --data cifar10 --data-dir ~/data --model resnet18 --keep 0.5 \\\n"
    "      --memory bf16 --augment crop-flip --out runs/resnet18",
)  # fmt: skip


def add_train(commands: "Commands[Any]") -> None:
    """Adds the command ``train``."""
    one = commands.add_parser(
        "train", help="train one model and measure it", epilog=_EXAMPLES,
        usage="passband train --data NAME --model NAME --out DIR [options]",
        description="Trains one model on one data set and writes a run directory: the table\n"
        "results.csv, a checkpoint, figures, and the page report.html.",
    )  # fmt: skip
    one.add_argument("--data", required=True, metavar="NAME",
                     help="for instance mnist-5k, digits, ucr:GunPoint")  # fmt: skip
    one.add_argument("--model", required=True, metavar="NAME",
                     help="for instance lenet5, fcn, vgg16, spec_vgg16_bn")  # fmt: skip
    one.add_argument("--out", required=True, metavar="DIR", help="the run directory")
    one.add_argument("--seed", type=int, metavar="N", help="of all that is random (default 0)")
    one.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    add_json(one)
    band = one.add_argument_group("the band (default: none, plain nn.Conv)")
    band.add_argument("--keep", type=keep, help="fraction of each half spectrum, or plain")
    band.add_argument("--energy", type=float, help="instead: share of energy that bands hold")
    band.add_argument("--layer-keeps", type=float, nargs="+", metavar="KEEP",
                      help="instead: one for each convolution")  # fmt: skip
    band.add_argument("--keep-start", type=float, metavar="KEEP",
                      help="the first epoch's; comes to --keep at half of the epochs")  # fmt: skip
    band.add_argument("--keep-least", type=float, metavar="KEEP",
                      help="each step's keep is drawn from this to --keep")  # fmt: skip
    spectral = one.add_argument_group("thresholds (of spectral models, spec_...)")
    spectral.add_argument("--beta", type=float, help="threshold (default: the model's)")
    spectral.add_argument("--density", type=float,
                          help="instead: choose thresholds that keep this share")  # fmt: skip
    spectral.add_argument("--beta-epochs", type=int, metavar="EPOCHS",
                          help="over which beta rises from 0 (default: none)")  # fmt: skip
    add_training(one)
    one.set_defaults(command="train")


def add_training(command: argparse.ArgumentParser) -> None:
    """Adds the words that a training and a study have in common."""
    maps = command.add_argument_group("data and model")
    maps.add_argument("--root", "--data-dir", metavar="DIR", help="of data that is not shipped")
    maps.add_argument("--option", type=option, nargs="+", action="extend", dest="options",
                      metavar="NAME=VALUE", help="of the model")  # fmt: skip
    maps.add_argument("--preprocessing", metavar="NAME",
                      help="of the maps (default: the data's own)")  # fmt: skip
    maps.add_argument("--resize", type=int, metavar="SAMPLES", help="of an axis after resampling")
    maps.add_argument("--pad", type=int, metavar="SAMPLES", help="of an axis after padding")
    maps.add_argument("--augment", choices=tuple(AUGMENTATIONS), help="maps in training")
    maps.add_argument("--noise", type=float, metavar="STRENGTH", help="of noise in training")
    maps.add_argument("--noise-kind", choices=tuple(NOISES), metavar="KIND",
                      help=f"{', '.join(NOISES)} (default gaussian)")  # fmt: skip
    maps.add_argument("--limit", type=int, metavar="SAMPLES", help="train on so many")
    maps.add_argument("--validation", type=float, metavar="SHARE",
                      help="of the training set that is held out")  # fmt: skip
    recipe = command.add_argument_group("training (default: the model's recipe)")
    recipe.add_argument("--recipe", choices=tuple(RECIPES_OF_PAPERS), help="a paper's")
    recipe.add_argument("--epochs", type=int, metavar="N", help="passes over the training set")
    recipe.add_argument("--batch-size", type=int, metavar="N", help="samples of a step and process")
    recipe.add_argument("--accumulate", type=int, metavar="N",
                        help="batches whose gradients make a step")  # fmt: skip
    recipe.add_argument("--lr", type=float, dest="learning_rate", metavar="RATE",
                        help="the initial learning rate")  # fmt: skip
    recipe.add_argument("--optimizer", choices=OPTIMIZERS)
    recipe.add_argument("--momentum", type=float, help="of sgd")
    recipe.add_argument("--weight-decay", type=float, metavar="DECAY", help="of the optimizer")
    recipe.add_argument("--schedule", choices=SCHEDULES, help="of the learning rate")
    recipe.add_argument("--patience", type=int, metavar="EPOCHS", help="that make a plateau")
    recipe.add_argument("--factor", type=float, help="of the rate on a plateau")
    recipe.add_argument("--early-stop", type=int, metavar="EPOCHS",
                        help="without progress, after which training ends")  # fmt: skip
    band = command.add_argument_group("how bands and memory are computed")
    band.add_argument("--fft-size", choices=FFT_SIZES, help="length of transforms")
    band.add_argument("--plan", choices=PLANS, help="of band convolutions")
    band.add_argument("--memory", choices=POLICIES, help="policy of what is held for backward")
    band.add_argument("--store", choices=STORES, help="how spectral models hold what they keep")
    place = command.add_argument_group("where (as in Lightning)")
    place.add_argument("--accelerator", metavar="NAME", help="auto, cpu, cuda, ...")
    place.add_argument("--devices", type=devices, metavar="N", help="how many, or which: 0,2")
    place.add_argument("--strategy", metavar="NAME", help="of several devices, for instance ddp")
    place.add_argument("--num-nodes", type=int, metavar="N", help="machines")
    place.add_argument("--precision", metavar="NAME", help="for instance bf16-mixed")


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
