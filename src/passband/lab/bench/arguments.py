"""The words of ``passband bench``."""

import argparse
from typing import Any

from passband.lab.bench.check import TOLERANCE
from passband.lab.bench.config import COMMANDS, DTYPES, GROUPS

_WHAT = {
    "conv": "single layers, forward and backward",
    "step": "a network's training step",
    "inference": "a network's forward pass, filter spectra remembered",
}


def add_bench(commands: "argparse._SubParsersAction[Any]") -> None:
    """Adds the command ``bench`` with its kinds."""
    bench = commands.add_parser("bench", help="time against nn.Conv and other peers, here and now")
    kinds = bench.add_subparsers(metavar="WHAT", required=True)
    for name in COMMANDS:
        kind = kinds.add_parser(name, help=_WHAT[name])
        kind.set_defaults(command="bench", bench=name)
        if name == "conv":
            kind.add_argument("--group", nargs="+", action="extend", choices=tuple(GROUPS),
                              help="default: all, resnet50 only on a GPU")  # fmt: skip
        else:
            kind.add_argument("--model", help="default resnet18, for 32x32 images")
            default = "32" if name == "step" else "1 and 32"
            kind.add_argument(
                "--batch", nargs="+", action="extend", type=int, help=f"samples; default {default}"
            )
        _add_options(kind)
        _add_setup(kind)
    _add_memory(kinds)


def _add_memory(kinds: "argparse._SubParsersAction[Any]") -> None:
    kind = kinds.add_parser("memory", help="ways to train a network in less memory, side by side")
    kind.set_defaults(command="bench", bench="memory")
    kind.add_argument("--model", help="default resnet18")
    kind.add_argument("--batch", type=int, help="samples; default 32")
    kind.add_argument("--data", help="on which accuracy is measured (default mnist-5k)")
    kind.add_argument("--epochs", type=int, help="of training for it (default 1); 0: no accuracy")
    kind.add_argument("--seeds", type=int, help="of training, how many from 0 (default 1)")
    kind.add_argument("--find-limit", action="store_true",
                      help="instead: the largest batch that each can train")  # fmt: skip
    kind.add_argument("--limit", type=float, metavar="GIB",
                      help="for --find-limit; on a GPU by default what it has")  # fmt: skip
    _add_setup(kind)


def _add_options(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("--case", nargs="+", action="extend", help="only the cases of these names")
    kind.add_argument("--dtype", nargs="+", action="extend", choices=tuple(DTYPES),
                      help="default float32; bfloat16 is autocast")  # fmt: skip
    kind.add_argument("--compile", action="store_true", dest="compiled",
                      help="also time torch.compile of nn.Conv: needs a C++ compiler")  # fmt: skip
    kind.add_argument("--check", metavar="CSV", nargs="+", action="extend",
                      help="fail if a ratio fell against these tables")  # fmt: skip
    kind.add_argument("--tolerance", type=float, default=TOLERANCE,
                      help=f"by which share it may fall (default {TOLERANCE})")  # fmt: skip


def _add_setup(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("--keep", nargs="+", action="extend", type=float,
                      help="fractions kept; each case has its own default")  # fmt: skip
    kind.add_argument("--device", help="cpu (default) or cuda")
    kind.add_argument("--threads", type=int, help="of the processor (default 2)")
    kind.add_argument("--repeats", type=int, help="timed turns of each contender (default 7)")
    kind.add_argument("--out", default="runs/bench", help="for table and figures (runs/bench)")
