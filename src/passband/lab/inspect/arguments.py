"""The words of ``passband inspect``."""

import argparse
from collections.abc import Callable
from typing import Any

from passband.lab.config import PLANS
from passband.lab.inspect.formats import FORMATS

BATCH = 32


def add_inspect(
    commands: "argparse._SubParsersAction[Any]", option: Callable[[str], tuple[str, object]]
) -> None:
    """Adds the command ``inspect``.

    Args:
        commands: Where to.
        option: Reads an option of a model.
    """
    one = commands.add_parser("inspect", help="a model layer by layer: shapes, plans, bands, "
                              "FLOPs of the forward pass, bytes held for backward")  # fmt: skip
    one.add_argument("model", metavar="MODEL", help="for instance lenet5, or package.module:name")
    one.add_argument("--option", type=option, nargs="+", action="extend", dest="options",
                     metavar="NAME=VALUE", help="of the model")  # fmt: skip
    one.add_argument("--data", help="whose first batch is looked at, and how much of its energy "
                     "bands keep (default: noise)")  # fmt: skip
    one.add_argument("--root", "--data-dir", help="folder of data that is not shipped")
    one.add_argument("--input-shape", type=shape, metavar="CxHxW",
                     help="of the noise (default by the model: 3x32x32 for images)")  # fmt: skip
    one.add_argument("--batch", type=int, default=BATCH, help=f"samples (default {BATCH})")
    band = one.add_mutually_exclusive_group()
    band.add_argument("--keep", type=float, help="fraction of each half spectrum that is kept")
    band.add_argument("--cutoff", type=float, help="or: fraction of Nyquist")
    band.add_argument("--modes", type=int, help="or: so many on each axis")
    band.add_argument("--energy", type=float, help="or: share of the batch's energy")
    one.add_argument("--plan", choices=PLANS, help="how band convolutions are computed")
    one.add_argument("--format", choices=tuple(FORMATS), default="text")
    one.add_argument("--out", metavar="FILE", help="instead of the terminal")
    one.set_defaults(command="inspect")


def shape(text: str) -> tuple[int, ...]:
    """Channels and sizes of a map, as a user writes them."""
    try:
        sizes = tuple(map(int, text.split("x")))
    except ValueError:
        sizes = ()
    if len(sizes) < 2 or min(sizes) < 1:
        raise argparse.ArgumentTypeError(
            f"channels and sizes of at least 1, as 3x32x32; got {text!r}"
        )
    return sizes
