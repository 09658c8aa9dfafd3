"""The command line: what ``passband`` does with its words, and how it ends."""

import os
import shlex
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stdout, suppress
from pathlib import Path

import torch

from passband.lab import completion, report
from passband.lab.arguments import parser
from passband.lab.bench import command as benchmark
from passband.lab.bench.memory import command as techniques
from passband.lab.config import TrainConfig
from passband.lab.export.command import command as export
from passband.lab.extra import advice
from passband.lab.finish import finish
from passband.lab.inspect.command import command as inspect
from passband.lab.outcome import Outcome
from passband.lab.processes import is_first
from passband.lab.progress import shown
from passband.lab.studies import STUDIES
from passband.lab.studies import command as studies
from passband.lab.terminal import Output, say
from passband.lab.training import train
from passband.lab.training_arguments import training_words
from passband.lab.training_progress import TrainingProgress

# The study of `make demo`: a minute or two for each pair on two cores.
DEMO = (("mnist-5k", "lenet5"), ("ucr:GunPoint", "fcn"))

# What a user can get wrong, or a machine be too small for. Anything else is a bug.
USER_ERRORS = (ValueError, OSError, ImportError, MemoryError, torch.OutOfMemoryError)

# After Ctrl-C, by command.
_GO_ON = {
    "train": "; the same command with --resume goes on",
    "study": "; the same command goes on",
}

# Exit statuses beside 0 and a command's own 1.
WRONG, BUG, INTERRUPTED, CLOSED = 2, 70, 130, 141  # sysexits.h's EX_SOFTWARE; 128 + signal


def main(arguments: Sequence[str]) -> int:
    """Runs one command.

    Args:
        arguments: The words after ``passband``.

    Returns:
        The exit status: 0; 1 if a benchmark's check failed; 2 after an error of the user's and 70
        after any other, each told in one line on stderr; 130 after Ctrl-C; 141 if the reader of the
        output has closed it.
    """
    try:
        status = _run(arguments)
        sys.stdout.flush()  # so that a reader who is gone is noticed here
        return status
    except BrokenPipeError:
        _discard_output()
        return CLOSED
    except KeyboardInterrupt:
        if is_first():
            going_on = next((_GO_ON[word] for word in arguments if word in _GO_ON), "")
            print(f"passband: interrupted{going_on}", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exception(error)
        if _is_users(error):
            print(f"passband: error: {_one_line(error)}", file=sys.stderr)
            return WRONG
        print(
            f"passband: unforeseen {type(error).__name__}: {_one_line(error) or 'without a word'} "
            "(a bug of passband, or of code of yours that it runs; --debug shows where)",
            file=sys.stderr,
        )
        return BUG


def _run(arguments: Sequence[str]) -> int:
    try:
        options = parser().parse_args(arguments)
    except SystemExit as done:  # after --help or --version
        return int(done.code or 0)
    options.words = shlex.join(["passband", *arguments])
    as_json = getattr(options, "json", False)
    # Then stdout is the object's alone, whatever code of the user's prints.
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        outcome = _COMMANDS[options.command](options)
    if outcome is None:  # it has shown what there is, or another process does
        return 0
    if is_first():
        print(outcome.json()) if as_json else outcome.show(Output())
    return outcome.status


def _discard_output() -> None:
    """Lets Python's last flush of stdout go nowhere."""
    with suppress(OSError, ValueError):  # a stdout that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_users(error: Exception) -> bool:
    # Lightning takes seconds to import: if it has not been, the error is not of it.
    lightning = sys.modules.get("lightning.fabric.utilities.exceptions")
    misconfigured = () if lightning is None else (lightning.MisconfigurationException,)
    return isinstance(error, (*USER_ERRORS, *misconfigured))


def _one_line(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and (needed := advice(error)):
        return needed
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"  # without the number of the error
    text = str(error)
    if "Original Traceback" in text:  # of a process that reads samples: its last line is the error
        text = text.rstrip().splitlines()[-1].partition(": ")[2]
    return " ".join(text.split())


def _train(options: Namespace) -> Outcome | None:
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
    with shown() as watch:
        train(run, resume=options.resume, callbacks=[TrainingProgress(watch)])
    return finish(Path(options.out), options.words)


def _bench(options: Namespace) -> Outcome:
    command = techniques.command if options.bench == "memory" else benchmark.command
    return command(options)


def _demo(options: Namespace) -> Outcome | None:
    return studies.run(STUDIES["rates"], DEMO, options.out, words=options.words)


def _report(options: Namespace) -> Outcome | None:
    directories = [Path(one) for one in options.directories]
    if len(directories) == 1 and options.out is None:
        return finish(directories[0])
    if options.out is None:
        raise ValueError("several runs make a page of their own: say where with --out PAGE.html")
    page = report.build_together(directories, Path(options.out)).resolve()
    return Outcome({"report": str(page)}, lambda console: say(console, f"report: {page}"))


_COMMANDS: dict[str, Callable[[Namespace], Outcome | None]] = {
    "train": _train, "study": studies.command, "bench": _bench, "inspect": inspect,
    "export": export, "report": _report, "demo": _demo, "completion": completion.command,
}  # fmt: skip
