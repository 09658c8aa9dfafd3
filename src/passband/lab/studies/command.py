"""``passband study``: a study or a paper's experiment, from words to its page."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console

from passband.lab import experiments
from passband.lab.arguments import parser
from passband.lab.config import TrainConfig
from passband.lab.data import available, is_import_path, takes_root
from passband.lab.experiments import Experiment
from passband.lab.finish import finish
from passband.lab.models.by_path import is_path
from passband.lab.outcome import Outcome
from passband.lab.progress import shown
from passband.lab.studies import STUDIES
from passband.lab.studies.arguments import STUDY_OPTIONS, flag, options_of
from passband.lab.studies.study import Study
from passband.lab.terminal import print_table, widen
from passband.lab.training_arguments import training_words
from passband.spelling import meant


def command(options: Namespace) -> Outcome | None:
    """Does what the words after ``passband study`` say."""
    if options.name == "list":
        return _list()
    paper: tuple[str, ...] = ()
    if not _is_study(options.name):
        experiment = experiments.load(options.name)
        paper = experiment.paper
        options = _of_experiment(experiment, options)
    elif options.bundled or options.allow_imports:
        word = "--bundled" if options.bundled else "--allow-imports"
        raise ValueError(f"{word} is for an experiment; got the study {options.name}")
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
    return run(
        study, pairs, options.out, told, training_words(options), words=options.words, paper=paper,
        **place,
    )  # fmt: skip


def _of_experiment(experiment: Experiment, options: Namespace) -> Namespace:
    """What an experiment says, and in its place what the user says."""
    needs = set(experiment.data) - set(available())
    if needs and experiment.bundled and not (options.bundled or options.data or options.root):
        raise ValueError(
            f"experiment {experiment.name} is of {', '.join(sorted(needs))}: say where that is "
            f"with --data-dir, or --bundled runs it in minutes on "
            f"{', '.join(experiment.bundled.data) or 'data that ships'}"
        )
    words = ["study", experiment.study, *experiment.arguments(options.bundled)]
    said = parser().parse_args(words)
    _check_harmless(experiment, said, options)
    for name, value in vars(options).items():
        if name != "name" and value is not None and value is not False:
            setattr(said, name, value)
    return said


def _check_harmless(experiment: Experiment, said: Namespace, options: Namespace) -> None:
    """A file may come from anyone: what of it runs other code, or elsewhere, the user types.

    Args:
        experiment: The file's.
        said: What its words came to.
        options: What the user typed, which stands in its place.

    Raises:
        ValueError: It names code without --allow-imports, or a directory or a cluster.
    """
    paths = [] if options.data else [one for one in said.data or () if is_import_path(one)]
    paths += [] if options.model else [one for one in said.model or () if is_path(one)]
    if paths and not options.allow_imports:
        raise ValueError(
            f"experiment {experiment.name} names code to run ({', '.join(paths)}): read that code, "
            f"then say --allow-imports"
        )
    for word, place in (("--out", said.out), ("--ray", said.ray)):
        if place is not None:
            raise ValueError(
                f"experiment {experiment.name} says where to run ({word} {place}), which is for "
                f"the command line alone"
            )


def _list() -> Outcome:
    """Which studies there are, and which experiments of the papers."""
    known = [experiments.load(name) for name in experiments.available()]

    def show(console: Console) -> None:
        widen(console)
        studies = [(study.name, study.what) for study in STUDIES.values()]
        print_table(console, "Studies", [("name", "what it shows"), *studies], justify="left")
        lines = [(one.name, one.study, ", ".join(one.data), one.about) for one in known]
        heads = ("name", "study", "data", "what it shows")
        print_table(console, "Experiments of the papers", [heads, *lines], justify="left")

    found = {
        "studies": [
            {"name": study.name, "about": study.what, "options": options_of(study)}
            for study in STUDIES.values()
        ],
        "experiments": [
            {"name": one.name, "study": one.study, "data": one.data, "about": one.about}
            for one in known
        ],
    }
    return Outcome(found, show)


def _is_study(name: str) -> bool:
    """Whether a name is a study's, or else an experiment's.

    Raises:
        ValueError: It is neither.
    """
    if name in STUDIES:
        return True
    if name in experiments.available() or name.endswith((".yaml", ".yml")):
        return False
    near = meant(name, [*STUDIES, *experiments.available(), "list"])
    raise ValueError(
        f"unknown study {name!r}; there is {', '.join(STUDIES)}, and the papers' experiments that "
        f"passband study list names{near}"
    )


def run(
    study: Study,
    pairs: Sequence[tuple[str, str]],
    out: str,
    told: Mapping[str, Any] = MappingProxyType({}),
    given: Mapping[str, Any] = MappingProxyType({}),
    *,
    words: str,
    **place: Any,
) -> Outcome | None:
    """Runs a study.

    Args:
        study: Which one.
        pairs: Data and models.
        out: Its directory.
        told: Options of a study, None for those that are not given.
        given: How models are trained, likewise.
        words: The command line.
        place: Where the study trains, and the paper beside it, see ``StudyConfig``.

    Returns:
        What ``finish`` does.
    """
    told = {name: value for name, value in told.items() if value is not None}
    takes = [name for name in STUDY_OPTIONS if name in study.options]
    unused = [name for name in told if name not in takes]
    if given.get("plan") is not None and "keep" not in takes:
        unused.append("plan")  # of band convolutions
    if not study.trains:
        unused += [name for name in _OF_TRAINING if given.get(name) is not None]
        unused += [name for name in ("jobs", "ray") if name in place]
    if unused:
        raise ValueError(
            f"study {study.name} takes no {', '.join(map(flag, unused))}; beside data, models and "
            f"how they are trained it takes {', '.join(options_of(study))}"
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
    with shown() as watch:
        study.run(config, watch)
    return finish(Path(out), words)


# What a study that trains nothing has no use for.
_OF_TRAINING = (
    "epochs", "accumulate", "learning_rate", "schedule", "patience", "factor",
    "early_stop", "augment", "validation", "limit",
)  # fmt: skip


def _pairs(data: Sequence[str], model: Sequence[str]) -> list[tuple[str, str]]:
    """Data sets and models side by side; a single one goes with all of the other."""
    if 1 not in (len(data), len(model)) and len(data) != len(model):
        raise ValueError(
            f"--data and --model go in pairs, but there are {len(data)} ({' '.join(data)}) "
            f"and {len(model)} ({' '.join(model)})"
        )
    count = max(len(data), len(model))
    return [(data[i % len(data)], model[i % len(model)]) for i in range(count)]
