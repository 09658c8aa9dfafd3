"""The study ``rates``: accuracy, saved bytes and step time against keep."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

from passband.lab import checkpoint, data, environment, results, rundir
from passband.lab.checks import check_count, check_keep
from passband.lab.config import TrainConfig
from passband.lab.measure import costs
from passband.lab.processes import is_first
from passband.lab.quiet import quiet
from passband.lab.results import Row
from passband.lab.training import build, make_trainer, sizes, train

NAME = "rates"
KEEPS = (None, 1.0, 0.75, 0.5, 0.25, 0.1)

Watch = Callable[[float, str], None]
"""Told how far the study is (0 to 1) and what it is doing."""


@dataclass(frozen=True, kw_only=True)
class RatesConfig:
    """The study.

    Attributes:
        out: Its run directory.
        base: One training config per (data, model); their keep, seed and out are set by the study.
        keep: The keeps; None is the unconverted model, the baseline, and is always part.
        seeds: How many seeds, from 0.
        repeats: Timed steps of each model, seed by seed.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    out: str
    base: tuple[TrainConfig, ...]
    keep: tuple[float | None, ...] = KEEPS
    seeds: int = 2
    repeats: int = 15

    def __post_init__(self) -> None:
        for keep in self.keep:
            check_keep(keep)
        check_count("seeds", self.seeds)
        check_count("repeats", self.repeats)
        if not self.base:
            raise ValueError("base is at least one data set and model; got none")
        pairs = [(one.data, one.model) for one in self.base]
        if len(set(pairs)) < len(pairs):
            raise ValueError(f"each data set and model is studied once; got {pairs}")
        bands = dict.fromkeys(float(keep) for keep in self.keep if keep is not None)
        object.__setattr__(self, "keep", (None, *bands))

    def to_dict(self) -> dict[str, Any]:
        """The form that ``config.yaml`` holds."""
        values = asdict(self)
        shared = ("out", "keep", "seed")
        values["base"] = [
            {name: value for name, value in base.items() if name not in shared}
            for base in values["base"]
        ]
        return {"study": NAME, **values, "keep": ["plain", *self.keep[1:]]}


def rates(study: RatesConfig, watch: Watch = lambda done, doing: None) -> list[Row]:
    """Trains every (data, model, seed, keep) and measures what a step costs.

    A study that was stopped continues where it was when it is called again with the same config:
    finished runs are not repeated, an unfinished one goes on from its last epoch.

    Args:
        study: What to do. Its directory receives ``results.csv``, which grows run by run, and
            ``runs/`` with the directory of each.
        watch: Is told of progress.

    Returns:
        The whole table.

    Raises:
        ValueError: Unknown data or model; a damaged table or checkpoint.
        FileExistsError: The directory holds another study.
        OSError: The directory cannot be written.
    """
    out, table = Path(study.out), Path(study.out) / results.FILE_NAME
    loaded = {base.data: data.load(base.data, root=base.root) for base in study.base}
    for base in study.base:  # an unknown model is found before the first training
        build(base, loaded[base.data])
    if is_first():
        with quiet():
            processes = [make_trainer(base).world_size for base in study.base]
        rundir.claim(out, {**study.to_dict(), "processes": processes}, again=True)
        samples = {name: sizes(name, one)["samples"][name] for name, one in loaded.items()}
        environment.save(out, samples=samples)
    done = {
        (row.data, row.model, row.seed, row.keep, row.metric)
        for row in (results.read(table) if table.exists() else [])
    }

    cells = list(_cells(study))
    for index, cell in enumerate(cells):
        start, share = index / len(cells), 1 / len(cells)
        setting = "plain" if cell.keep is None else f"keep {cell.keep:g}"
        doing = f"{cell.data} {cell.model} {setting} seed {cell.seed}"
        watch(start, doing)
        key = (cell.data, cell.model, cell.seed, cell.keep)
        if (*key, "test_accuracy") not in done:
            result = train(
                cell,
                resume=(Path(cell.out) / checkpoint.FILE_NAME).exists(),
                callbacks=[_Epochs(watch, start, share, doing)],
                progress_bar=False,
            )
            _append(table, result.rows(NAME))
        # After the last keep of a seed: all models of the seed side by side.
        if cell.keep == study.keep[-1] and (*key, "saved_bytes") not in done:
            watch(start + share, f"{cell.data} {cell.model} seed {cell.seed}: bytes and seconds")
            if is_first():
                _append(table, _cost_rows(study, cell, loaded[cell.data]))
    watch(1.0, "done")
    return results.read(table) if is_first() else []


def _cells(study: RatesConfig) -> Iterator[TrainConfig]:
    for base in study.base:
        for seed in range(study.seeds):
            for keep in study.keep:
                cell = replace(base, seed=seed, keep=keep)
                folder = "-".join((cell.data, cell.model, _name(cell), f"seed{seed}"))
                folder = "".join(c if c.isalnum() or c in "-._" else "_" for c in folder)
                yield replace(cell, out=str(Path(study.out) / "runs" / folder))


def _name(cell: TrainConfig) -> str:
    return "plain" if cell.keep is None else f"keep{cell.keep}"


def _append(table: Path, rows: list[Row]) -> None:
    if is_first():
        results.append(table, rows)


def _cost_rows(study: RatesConfig, cell: TrainConfig, loaded: data.LabeledData) -> list[Row]:
    """Saved bytes, seconds and the paired ratio to plain, for every keep of the study."""
    L.seed_everything(cell.seed, workers=True, verbose=False)
    settings = [replace(cell, keep=keep) for keep in study.keep]
    built = {_name(setting): build(setting, loaded) for setting in settings}
    # Copies: a slice would hold, and be counted as, the storage of the whole data set.
    inputs, labels = (part.clone() for part in loaded.train[: cell.batch_size])
    measured = costs(
        {name: model for name, (model, _) in built.items()}, (inputs, labels), cell, study.repeats
    )
    plain = measured["plain"].seconds
    rows = []
    for setting in settings:
        cost, kept = measured[_name(setting)], built[_name(setting)][1]
        ratios = [mine / its for mine, its in zip(cost.seconds, plain, strict=True)]
        for metric, value in (
            ("saved_bytes", cost.saved_bytes),
            ("step_seconds", statistics.median(cost.seconds)),
            ("step_ratio", statistics.median(ratios)),
        ):
            rows.append(
                Row(NAME, setting.data, setting.model, setting.variant, setting.seed, None,
                    setting.keep, kept, metric, float(value))
            )  # fmt: skip
    return rows


class _Epochs(Callback):
    """Passes a run's progress on as its share of the study's."""

    def __init__(self, watch: Watch, start: float, share: float, doing: str) -> None:
        super().__init__()
        self.watch, self.start, self.share, self.doing = watch, start, share, doing

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        done = (trainer.current_epoch + 1) / (trainer.max_epochs or 1)
        self.watch(self.start + self.share * done, self.doing)
