"""The words that the command line understands."""

import argparse
from typing import Any

import passband
from passband.lab.bench.arguments import add_bench
from passband.lab.export.arguments import add_export
from passband.lab.inspect.arguments import add_inspect
from passband.lab.parsing import Commands, Parser, add_json, examples
from passband.lab.studies.arguments import add_study
from passband.lab.training_arguments import add_train

SHELLS = ("bash", "zsh", "tcsh")

_DESCRIPTION = """\
Band-limited and spectral convolutional networks: train them, study what a band
costs and saves, time them, look into them. Each command has a help of its own:
passband COMMAND --help"""

_EPILOG = f"""\
{
    examples(
        "accuracy, memory and time against the kept band, in minutes",
        "passband demo",
        "train one network",
        "passband train --data mnist-5k --model lenet5 --keep 0.5 --out runs/lenet5",
        "which studies there are",
        "passband study list",
        "a network layer by layer",
        "passband inspect resnet18 --keep 0.5",
        "time a training step against nn.Conv, here and now",
        "passband bench step --model lenet5 --out runs/bench",
    )
}

exit status:
  0    done
  1    a check failed (bench --check)
  2    an error of yours, told in one line on stderr
  70   an unforeseen error, told likewise: a bug of ours, or of code of yours
  130  stopped by Ctrl-C
  141  the reader of the output has closed it"""


def parser() -> Parser:
    """Reads a command line; a wrong one raises ``ValueError``."""
    top = Parser(prog="passband", description=_DESCRIPTION, epilog=_EPILOG)
    top.add_argument("--version", action="version", version=passband.__version__)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_train(commands)
    add_study(commands)
    _add_demo(commands)
    _add_report(commands)
    add_bench(commands)
    add_inspect(commands)
    add_export(commands)
    _add_completion(commands)
    return top


def _add_demo(commands: "Commands[Any]") -> None:
    demo = commands.add_parser(
        "demo", help="the study rates on two small problems, in minutes",
        description="Trains LeNet-5 on MNIST-5k and the paper's FCN on a UCR time series, plain\n"
        "and with five bands, and writes a run directory with report.html.",
        epilog=examples("some five minutes on two cores", "passband demo --out runs/demo"),
    )  # fmt: skip
    demo.add_argument("--out", default="runs/demo", metavar="DIR",
                      help="the run directory (default: runs/demo)")  # fmt: skip
    add_json(demo)
    demo.set_defaults(command="demo")


def _add_report(commands: "Commands[Any]") -> None:
    again = commands.add_parser(
        "report", help="draw figures and page of a run again",
        description="Draws figures and page again from results.csv and config.yaml of a run\n"
        "directory, or one page of several.",
        epilog=examples(
            "the tables on the terminal, and DIR/report.html", "passband report runs/demo",
            "one page of two runs", "passband report runs/rates runs/energy --out both.html",
        ),
    )  # fmt: skip
    again.add_argument("directories", nargs="+", metavar="DIR", help="a run directory")
    again.add_argument("--out", metavar="PAGE", help="of several runs")
    add_json(again)
    again.set_defaults(command="report")


def _add_completion(commands: "Commands[Any]") -> None:
    one = commands.add_parser(
        "completion", help="print what makes a shell complete passband's words",
        description="Prints a script that completes commands, options, and names of models, data\n"
        "and studies.",
        epilog=examples(
            "bash, in this terminal", "source <(passband completion bash)",
            "bash, in every new one",
            "passband completion bash > ~/.local/share/bash-completion/completions/passband",
            "zsh, in a folder of $fpath", "passband completion zsh > ~/.zfunc/_passband",
        ),
    )  # fmt: skip
    one.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    one.set_defaults(command="completion")


def parsers(top: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """A parser and those of its commands."""
    found = [top]
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [one for sub in action.choices.values() for one in parsers(sub)]
    return found
