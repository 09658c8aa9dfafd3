"""The command line: ``passband train | study | bench | inspect | export | report | demo``."""

import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from lightning.fabric.utilities.exceptions import MisconfigurationException

from passband.lab import report
from passband.lab.arguments import parser, training_words
from passband.lab.bench import command as benchmark
from passband.lab.bench.memory import command as techniques
from passband.lab.config import TrainConfig
from passband.lab.export.command import command as export
from passband.lab.finish import console, finish, say
from passband.lab.inspect.command import command as inspect
from passband.lab.processes import is_first
from passband.lab.progress import shown
from passband.lab.studies import STUDIES
from passband.lab.studies import command as studies
from passband.lab.training import train
from passband.lab.training_progress import TrainingProgress

# The study of `make demo`: a minute or two for each pair on two cores.
DEMO = (("mnist-5k", "lenet5"), ("ucr:GunPoint", "fcn"))

# What a user can get wrong. Anything else is a bug of ours and shows its traceback.
USER_ERRORS = (ValueError, OSError, ImportError, MisconfigurationException)


def main(arguments: Sequence[str]) -> int:
    """Runs one command.

    Args:
        arguments: The words after ``passband``.

    Returns:
        0; 1 if a benchmark's check failed; 2 after an error of the user's, told in one line on
        stderr; 130 after Ctrl-C.
    """
    try:
        options = parser().parse_args(arguments)
        options.words = shlex.join(["passband", *arguments])
        return _COMMANDS[options.command](options) or 0
    except USER_ERRORS as error:
        print(f"passband: error: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if is_first():
            print("passband: interrupted", file=sys.stderr)
        return 130


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"  # without the number of the error
    text = str(error)
    if "Original Traceback" in text:  # of a process that reads samples: its last line is the error
        text = text.rstrip().splitlines()[-1].partition(": ")[2]
    return " ".join(text.split())


def _train(options: Namespace) -> None:
    run = TrainConfig.recommended(
        options.data,
        options.model,
        options.out,
        keep=options.keep,
        energy=options.energy,
        layer_keeps=None if options.layer_keeps is None else tuple(options.layer_keeps),
        keep_start=options.keep_start,
        keep_least=options.keep_least,
        beta=options.beta,
        density=options.density,
        beta_epochs=options.beta_epochs,
        **training_words(options),
    )
    with shown(console()) as say:
        train(run, resume=options.resume, callbacks=[TrainingProgress(say)])
    finish(Path(options.out), options.words)


def _bench(options: Namespace) -> int:
    command = techniques.command if options.bench == "memory" else benchmark.command
    return command(options, console())


def _demo(options: Namespace) -> None:
    studies.run(STUDIES["rates"], DEMO, options.out, words=options.words)


def _report(options: Namespace) -> None:
    directories = [Path(one) for one in options.directories]
    if len(directories) == 1 and options.out is None:
        finish(directories[0])
        return
    if options.out is None:
        raise ValueError("several runs make a page of their own: say where with --out PAGE.html")
    page = report.build_together(directories, Path(options.out))
    say(console(), page)


_COMMANDS: dict[str, Callable[[Namespace], int | None]] = {
    "train": _train, "study": studies.command, "bench": _bench, "inspect": inspect,
    "export": export, "report": _report, "demo": _demo,
}  # fmt: skip
