"""The words of ``passband inspect``."""

import argparse
from typing import Any

from passband.lab.config import PLANS
from passband.lab.parsing import Commands, add_json, examples, option

BATCH = 32


_EXAMPLES = examples(
    "a network whose convolutions keep a quarter of their spectra",
    "passband inspect resnet18 --keep 0.25",
    "a series network on real data, and how much of its energy the bands keep",
    "passband inspect fcn --data ucr:GunPoint --keep 0.5",
    "for a spreadsheet",
    "passband inspect lenet5 --input-shape 1x28x28 --csv --out lenet5.csv",
)


def add_inspect(commands: "Commands[Any]") -> None:
    """Adds the command ``inspect``."""
    one = commands.add_parser(
        "inspect", help="a model layer by layer: shapes, plans, bands, FLOPs, bytes",
        description="Shows a model layer by layer: shapes, how convolutions are computed, what\n"
        "their bands keep, FLOPs of the forward pass, bytes held for backward.",
        epilog=_EXAMPLES, usage="passband inspect MODEL [options]",
    )  # fmt: skip
    one.add_argument("model", metavar="MODEL", help="for instance lenet5, or package.module:name")
    one.add_argument("--option", type=option, nargs="+", action="extend", dest="options",
                     metavar="NAME=VALUE", help="of the model")  # fmt: skip
    one.add_argument("--data", metavar="NAME", help="whose first batch is looked at, and how much "
                     "of its energy bands keep (default: noise)")  # fmt: skip
    one.add_argument("--root", "--data-dir", metavar="DIR", help="of data that is not shipped")
    one.add_argument("--input-shape", type=shape, metavar="CxHxW",
                     help="of the noise (default by the model: 3x32x32 for images)")  # fmt: skip
    one.add_argument("--batch", type=int, metavar="N", default=BATCH,
                     help=f"samples (default {BATCH})")  # fmt: skip
    band = one.add_argument_group("the band (default: none)").add_mutually_exclusive_group()
    band.add_argument("--keep", type=float, help="fraction of each half spectrum that is kept")
    band.add_argument("--cutoff", type=float, help="or: fraction of Nyquist")
    band.add_argument("--modes", type=int, metavar="N", help="or: so many on each axis")
    band.add_argument("--energy", type=float, help="or: share of the batch's energy")
    one.add_argument("--plan", choices=PLANS, help="how band convolutions are computed")
    out = one.add_argument_group("output")
    out.add_argument("--out", metavar="FILE", help="instead of the terminal")
    form = out.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="a line for each layer, comma-separated")
    add_json(form)
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
