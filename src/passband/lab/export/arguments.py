"""The words of ``passband export``."""

from typing import Any

from passband.lab.export.program import TOLERANCE
from passband.lab.inspect.arguments import shape
from passband.lab.parsing import Commands, add_json, examples, option

BATCH = 32


_EXAMPLES = examples(
    "a trained network, for onnxruntime",
    "passband export runs/lenet5 --onnx",
    "a network with fresh weights, for torch.export.load",
    "passband export lenet5 --keep 0.5 --input-shape 1x28x28 --pt2",
)


def add_export(commands: "Commands[Any]") -> None:
    """Adds the command ``export``."""
    one = commands.add_parser(
        "export", help="make a program of a model that runs without passband",
        description="Makes a program of a model at a fixed band, checks it against the model,\n"
        "writes it and times it. Nothing is written if an output differs by more than\n"
        f"{TOLERANCE:g} of the largest.",
        epilog=_EXAMPLES, usage="passband export MODEL (--onnx | --pt2) [options]",
    )  # fmt: skip
    one.add_argument("model", metavar="MODEL", help="a run directory, a saved net.safetensors, or "
                     "(with fresh weights) a name as lenet5 or package.module:name")  # fmt: skip
    kind = one.add_mutually_exclusive_group(required=True)
    kind.add_argument("--onnx", action="store_const", const="onnx", dest="format",
                      help="for onnxruntime and others")  # fmt: skip
    kind.add_argument("--pt2", action="store_const", const="pt2", dest="format",
                      help="for torch.export.load")  # fmt: skip
    one.add_argument("--keep", type=float, help="fraction of each half spectrum that is kept "
                     "(default: the model's own bands)")  # fmt: skip
    one.add_argument("--option", type=option, nargs="+", action="extend", dest="options",
                     metavar="NAME=VALUE", help="of a model with fresh weights")  # fmt: skip
    one.add_argument("--input-shape", type=shape, metavar="CxHxW",
                     help="of a map (default: what the model was made for)")  # fmt: skip
    one.add_argument("--batch", type=int, default=BATCH,
                     help=f"samples that are timed together (default {BATCH})")  # fmt: skip
    one.add_argument("--fixed-batch", action="store_true",
                     help="the program takes just that many (default: any number)")  # fmt: skip
    one.add_argument("--repeats", type=int, default=7, help="timed turns (default 7)")
    one.add_argument("--threads", type=int, default=1,
                     help="of the CPU, while it is timed (default 1)")  # fmt: skip
    one.add_argument("--out", metavar="FILE", help="default: MODEL's name, in its folder")
    add_json(one)
    one.add_argument("--allow-imports", action="store_true",
                     help="run code that a saved model names by path")  # fmt: skip
    one.set_defaults(command="export")
