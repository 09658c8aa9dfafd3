"""The command line: ``passband train | study | bench | inspect | report | demo``."""

import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from rich.console import Console

from passband.lab import environment, experiments, report
from passband.lab.arguments import STUDY_OPTIONS, parser
from passband.lab.bench import command as benchmark
from passband.lab.bench.memory import command as techniques
from passband.lab.config import TrainConfig
from passband.lab.data import takes_root
from passband.lab.experiments import Experiment
from passband.lab.inspect.command import command as inspect
from passband.lab.processes import is_first
from passband.lab.progress import shown
from passband.lab.studies import STUDIES
from passband.lab.studies.study import Study
from passband.lab.terminal import print_table, widen
from passband.lab.training import train

# The finished study of `make demo`: a minute or two for each pair on two cores.
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
        print("passband: interrupted", file=sys.stderr)
        return 130


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"  # without the number of the error
    return " ".join(str(error).split())


def _train(options: Namespace) -> None:
    run = TrainConfig.recommended(
        options.data,
        options.model,
        options.out,
        keep=options.keep,
        energy=options.energy,
        layer_keeps=None if options.layer_keeps is None else tuple(options.layer_keeps),
        keep_start=options.keep_start,
        beta=options.beta,
        density=options.density,
        beta_epochs=options.beta_epochs,
        **_given(options),
    )
    train(run, resume=options.resume)
    _finish(Path(options.out), options.words)


def _study(options: Namespace) -> None:
    if options.name == "list":
        return _list()
    paper: tuple[str, ...] = ()
    if not _is_study(options.name):
        experiment = experiments.load(options.name)
        paper = experiment.paper
        options = _of_experiment(experiment, options)
    elif options.bundled:
        raise ValueError(f"--bundled is for a paper's experiment; got the study {options.name}")
    if options.out is None:
        raise ValueError("the following arguments are required: --out")
    study = STUDIES[options.name]
    told = {name: getattr(options, name) for name in STUDY_OPTIONS}
    told = {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}
    pairs = study.pairs
    if options.data or options.model:
        data, model = (list(dict.fromkeys(names)) for names in zip(*study.pairs, strict=True))
        pairs = tuple(_pairs(options.data or data, options.model or model))
    place = {name: v for name in ("jobs", "ray") if (v := getattr(options, name)) is not None}
    _run_study(
        study, pairs, options.out, told, _given(options), options.words, paper=paper, **place
    )
    return None


def _of_experiment(experiment: Experiment, options: Namespace) -> Namespace:
    """What an experiment says, and in its place what the user says."""
    words = ["study", experiment.study, *experiment.arguments(options.bundled)]
    said = parser().parse_args(words)
    for name, value in vars(options).items():
        if name != "name" and value not in (None, False):
            setattr(said, name, value)
    return said


def _list() -> None:
    """Which studies there are, and which experiments of the papers."""
    console = _console()
    widen(console)
    studies = [(study.name, study.what) for study in STUDIES.values()]
    print_table(console, "Studies", [("name", "what it shows"), *studies], justify="left")
    known = [experiments.load(name) for name in experiments.available()]
    found = [(one.name, one.study, ", ".join(one.data), one.about) for one in known]
    heads = ("name", "study", "data", "what it shows")
    print_table(console, "Experiments of the papers", [heads, *found], justify="left")


def _bench(options: Namespace) -> int:
    command = techniques.command if options.bench == "memory" else benchmark.command
    return command(options, _console())


def _demo(options: Namespace) -> None:
    _run_study(STUDIES["rates"], DEMO, options.out, {}, {}, options.words)


def _report(options: Namespace) -> None:
    directories = [Path(one) for one in options.directories]
    if len(directories) == 1 and options.out is None:
        return _finish(directories[0])
    if options.out is None:
        raise ValueError("several runs make a page of their own: say where with --out PAGE.html")
    page = report.build_together(directories, Path(options.out))
    _say_page(_console(), page)
    return None


def _is_study(name: str) -> bool:
    """Whether a name is a study's, or else an experiment's.

    Raises:
        ValueError: It is neither.
    """
    if name in STUDIES:
        return True
    if name in experiments.available() or name.endswith((".yaml", ".yml")):
        return False
    near = get_close_matches(name, [*STUDIES, *experiments.available()], n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"unknown study {name!r}; there is {', '.join(STUDIES)}, and the papers' experiments that "
        f"passband study list names{meant}"
    )


def _run_study(
    study: Study,
    pairs: Sequence[tuple[str, str]],
    out: str,
    told: Mapping[str, Any],
    given: Mapping[str, Any],
    words: str,
    **place: Any,
) -> None:
    """Runs a study and shows it.

    Args:
        study: Which one.
        pairs: Data and models.
        out: Its directory.
        told: Options of a study, None for those that are not given.
        given: How models are trained, likewise.
        words: The command line.
        place: Where the study trains, see ``StudyConfig``.
    """
    told = {name: value for name, value in told.items() if value is not None}
    takes = [name for name in STUDY_OPTIONS if name in study.options]
    unused = [name for name in told if name not in takes]
    if given.get("plan") is not None and "keep" not in takes:
        unused.append("plan")  # of band convolutions
    if unused:
        raise ValueError(
            f"study {study.name} takes no --{', --'.join(unused)}; beside data, models and how "
            f"they are trained it takes --{', --'.join(takes)}"
        )
    names = {name for name, _ in pairs}
    # If none of them takes a root, loading the data says so.
    rooted = set(filter(takes_root, names)) or names
    training = {name: value for name, value in given.items() if value is not None}
    if "recipe" not in training:
        training = {**study.recipe, **training}
    root = training.pop("root", None)
    base = tuple(
        TrainConfig.recommended(data, model, out, root=root if data in rooted else None, **training)
        for data, model in pairs
    )
    config = study.config(out=out, base=base, **told, **place)
    with shown(_console()) as watch:
        study.run(config, watch)
    _finish(Path(out), words)


def _finish(directory: Path, words: str | None = None) -> None:
    """Builds the report, and says on the last lines what came out and where it is.

    Args:
        directory: Of the run.
        words: The command line that made it; None if it is there.
    """
    if not is_first():
        return
    if words is not None:
        environment.save(directory, **environment.load(directory), command=words)
    page = report.build(directory)
    console = _console()
    widen(console)
    for title, lines in report.tables(directory).items():
        print_table(console, title, lines)
    _say_page(console, page)


def _say_page(console: Console, page: Path) -> None:
    console.print(f"report: {page.resolve()}", soft_wrap=True, highlight=False, markup=False)


def _console() -> Console:
    """Stdout, of which only the first of several processes makes use."""
    return Console(quiet=not is_first())


def _pairs(data: Sequence[str], model: Sequence[str]) -> list[tuple[str, str]]:
    """Data sets and models side by side; a single one goes with all of the other."""
    if 1 not in (len(data), len(model)) and len(data) != len(model):
        raise ValueError(
            f"--data and --model go in pairs, but there are {len(data)} ({' '.join(data)}) "
            f"and {len(model)} ({' '.join(model)})"
        )
    count = max(len(data), len(model))
    return [(data[i % len(data)], model[i % len(model)]) for i in range(count)]


def _given(options: Namespace) -> dict[str, Any]:
    """How models are trained: what the user said of it, None for what he did not."""
    named = {field.name for field in fields(TrainConfig)} - _OF_ONE_RUN | {"recipe"}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(options).items()
        if name in named
    }


# What a single training is told and a study varies.
_OF_ONE_RUN = frozenset(
    {"data", "model", "out", "keep", "energy", "layer_keeps", "keep_start", "beta", "density",
     "beta_epochs"}
)  # fmt: skip


_COMMANDS: dict[str, Callable[[Namespace], int | None]] = {
    "train": _train, "study": _study, "bench": _bench, "inspect": inspect, "report": _report,
    "demo": _demo,
}  # fmt: skip
