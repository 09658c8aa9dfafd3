"""The words of ``passband bench``."""

import argparse
from typing import Any

from passband.lab.bench.check import TOLERANCE
from passband.lab.bench.config import COMMANDS, DTYPES, GROUPS
from passband.lab.parsing import Commands, add_json, examples

_WHAT = {
    "conv": "single layers, forward and backward",
    "step": "a network's training step",
    "inference": "a network's forward pass, filter spectra remembered",
    "memory": "ways to train a network in less memory, side by side",
}
_EXAMPLES = {
    "conv": examples(
        "the layers of ResNet-18", "passband bench conv --group resnet18",
        "one layer, and fail if it became slower than in a table of before",
        'passband bench conv --group small --case "LeNet conv1" --out runs/before\n'
        '  passband bench conv --group small --case "LeNet conv1" \\\n'
        "      --check runs/before/conv.csv",
    ),
    "step": examples(
        "a training step of LeNet-5 at two keeps",
        "passband bench step --model lenet5 --keep 0.5 0.25",
    ),
    "inference": examples(
        "one sample at a time, on one thread",
        "passband bench inference --model lenet5 --batch 1 --threads 1",
    ),
    "memory": examples(
        "bytes, time and accuracy", "passband bench memory --model lenet5",
        "the largest batch within half a gigabyte",
        "passband bench memory --model lenet5 --find-limit --limit 0.5",
    ),
}  # fmt: skip


def add_bench(commands: "Commands[Any]") -> None:
    """Adds the command ``bench`` with its kinds."""
    bench = commands.add_parser(
        "bench", help="time against nn.Conv and other peers, here and now",
        description="Times ours beside nn.Conv and other peers in one process, taking turns, and\n"
        "writes a table and figures.",
        epilog=examples(
            "single layers", "passband bench conv --group small",
            "a training step", "passband bench step --model lenet5",
        ),
    )  # fmt: skip
    kinds = bench.add_subparsers(title="kinds", metavar="WHAT", required=True)
    for name in COMMANDS:
        kind = _add_kind(kinds, name)
        if name == "conv":
            kind.add_argument("--group", nargs="+", action="extend", choices=tuple(GROUPS),
                              metavar="GROUP",
                              help=f"of {', '.join(GROUPS)} (default: all; resnet50 only on a "
                              "GPU)")  # fmt: skip
        else:
            kind.add_argument("--model", metavar="NAME",
                              help="default resnet18, for 32x32 images")  # fmt: skip
            default = "32" if name == "step" else "1 and 32"
            kind.add_argument("--batch", nargs="+", action="extend", type=int, metavar="N",
                              help=f"samples; default {default}")  # fmt: skip
        _add_options(kind)
        _add_setup(kind)
    _add_memory(kinds)


def _add_kind(kinds: "Commands[Any]", name: str) -> argparse.ArgumentParser:
    what = _WHAT[name]
    described = f"{what[0].upper()}{what[1:]}."
    usage = f"passband bench {name} [options]"
    kind: argparse.ArgumentParser = kinds.add_parser(
        name, help=what, description=described, epilog=_EXAMPLES[name], usage=usage
    )
    kind.set_defaults(command="bench", bench=name)
    return kind


def _add_memory(kinds: "Commands[Any]") -> None:
    kind = _add_kind(kinds, "memory")
    kind.add_argument("--model", metavar="NAME", help="default resnet18")
    kind.add_argument("--batch", type=int, metavar="N", help="samples; default 32")
    kind.add_argument("--data", metavar="NAME",
                      help="on which accuracy is measured (default mnist-5k)")  # fmt: skip
    kind.add_argument("--epochs", type=int, metavar="N",
                      help="of training for it (default 1); 0: no accuracy")  # fmt: skip
    kind.add_argument("--seeds", type=int, metavar="N",
                      help="of training, how many from 0 (default 1)")  # fmt: skip
    kind.add_argument("--find-limit", action="store_true",
                      help="instead: the largest batch that each can train")  # fmt: skip
    kind.add_argument("--limit", type=float, metavar="GIB",
                      help="for --find-limit; on a GPU by default what it has")  # fmt: skip
    _add_setup(kind)


def _add_options(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("--case", nargs="+", action="extend", metavar="NAME",
                      help="only the cases of these names")  # fmt: skip
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
    kind.add_argument("--device", metavar="NAME", help="cpu (default) or cuda")
    kind.add_argument("--threads", type=int, metavar="N", help="of the processor (default 2)")
    kind.add_argument("--repeats", type=int, metavar="N",
                      help="timed turns of each contender (default 7)")  # fmt: skip
    kind.add_argument("--out", default="runs/bench", metavar="DIR",
                      help="for table and figures (default: runs/bench)")  # fmt: skip
    add_json(kind)
