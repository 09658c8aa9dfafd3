"""One training run."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from passband.lab import bands, checkpoint, data, environment, models, results, rundir, thresholds
from passband.lab.batches import EVALUATION_BATCH
from passband.lab.callback import Callback
from passband.lab.config import TrainConfig
from passband.lab.fabric import make_fabric, seed_everything
from passband.lab.loop import Loop
from passband.lab.measurement import MakeProbe, Measurement, Probe, short
from passband.lab.processes import is_first
from passband.lab.quiet import quiet
from passband.lab.results import Row
from passband.saving.description import Description, describe
from passband.saving.file import write

if TYPE_CHECKING:
    from lightning.fabric import Fabric

MODEL = "model.safetensors"
_MAPS = {1: "series", 2: "images", 3: "volumes"}


@dataclass(frozen=True)
class Result:
    """What a finished run measured.

    Attributes:
        config: The run.
        keep_measured: What the converted layers really keep; None for plain and spectral.
        measured: Every number, in order: what each epoch brought, ``test_accuracy`` (share of the
            test set that the last epoch's model gets right), what probes found.
    """

    config: TrainConfig
    keep_measured: float | None
    measured: tuple[Measurement, ...]

    @property
    def train_loss(self) -> tuple[float, ...]:
        """Mean loss of each epoch."""
        return tuple(one.value for one in self.measured if one.metric == "train_loss")

    @property
    def test_accuracy(self) -> float:
        """Share of the test set that the last epoch's model gets right."""
        return self.last("test_accuracy")

    @property
    def density(self) -> float | None:
        """Share of their coefficients that the thresholds of a spectral model keep, all together.

        On the first batch of the test set, after the last epoch; None for other models.
        """
        return self.last("density") if self.config.spectral else None

    def last(self, metric: str) -> float:
        """The last value of a metric.

        Raises:
            KeyError: It was not measured.
        """
        found = [one.value for one in self.measured if one.metric == metric]
        if not found:
            raise KeyError(metric)
        return found[-1]

    def rows(self, study: str = "train") -> list[Row]:
        """The result as rows of the tidy table."""
        run = self.config
        return [
            Row(study, run.data, run.model, run.variant, run.seed, one.epoch, run.keep,
                self.keep_measured if one.keep_measured is None else one.keep_measured,
                one.metric, one.value)
            for one in self.measured
        ]  # fmt: skip


def train(
    run: TrainConfig,
    *,
    resume: bool = False,
    probes: Sequence[MakeProbe] = (),
    callbacks: Sequence[Callback] = (),
) -> Result:
    """Trains a model and measures it.

    The test set takes no part in any choice: ``test_accuracy`` is that of the last epoch. With a
    validation part, ``best_test_accuracy`` is that of the epoch that did best on it.

    Args:
        run: What to train. Its directory receives ``config.yaml``, ``last.ckpt`` after each epoch
            and, at the end, the last epoch's model to hand on, ``model.safetensors`` with
            ``model.json`` (see ``passband.save``), and ``results.csv``.
        resume: Continue from ``last.ckpt``; the result is that of an uninterrupted run. Where it
            computes may change, the number of processes may not: it multiplies the batch size.
        probes: Make callbacks that measure; what they find is part of the result.
        callbacks: Further ones.

    Raises:
        ValueError: Unknown data or model, data that the model is not for, or a damaged checkpoint.
        FileExistsError: The directory holds another run, or this one and ``resume`` is False.
        FileNotFoundError: ``resume`` without a checkpoint.
        OSError: The directory cannot be written, is full, or another process writes to it.
    """
    out = Path(run.out)
    path = out / checkpoint.FILE_NAME
    with quiet():
        loaded = load(run)
        seed_everything(run.seed)
        model, keep_measured = build(run, loaded)
        if resume:
            checkpoint.check(path, model)
        moves = [*thresholds.of_run(run, loaded), *bands.of_run(run)]
        measure = [make(run, loaded) for make in probes]
        fabric = make_fabric(run)
        # Last, so that a run that cannot start leaves nothing behind.
        with rundir.only_writer(out):
            if is_first():
                wanted = {**run.stored(), "processes": fabric.world_size}
                rundir.claim(out, wanted, again=resume, free=_checkpoint_bytes(model))
                environment.save(out, **sizes(run.data, loaded))
            told = [*moves, *measure, *callbacks]
            work = partial(_fit, model=model, run=run, loaded=loaded, callbacks=told, resume=resume)
            measured, keep_of_data, description = fabric.launch(work)
            result = Result(run, keep_measured if keep_of_data is None else keep_of_data, measured)
            if is_first():
                write(out / MODEL, description, checkpoint.weights(path))
                results.write(out / results.FILE_NAME, result.rows())
    return result


def _fit(
    fabric: Fabric,
    *,
    model: nn.Module,
    run: TrainConfig,
    loaded: data.LabeledData,
    callbacks: Sequence[Callback],
    resume: bool,
) -> tuple[tuple[Measurement, ...], float | None, Description]:
    """What each process does.

    Returns:
        What was measured, the keep where it is of the data, and the model but for its weights.
    """
    path = Path(run.out) / checkpoint.FILE_NAME
    loop = Loop(fabric, model, run, loaded, callbacks)
    if resume:
        loop.resume(path)
    loop.fit(path)
    measured = loop.history.measurements() + _tested(loop)
    for one in callbacks:
        measured += one.measurements() if isinstance(one, Probe) else []
    # A probe may look at the last epoch's test accuracy as well: it is there once.
    once = {(one.metric, one.epoch): one for one in reversed(measured)}
    # A share of energy is so many coefficients only on data; a moving band has moved.
    moved = run.energy is not None or run.keep_start is not None
    keep_of_data = bands.measured(loop) if moved else None
    built = architecture(run, loaded).to_dict()
    return tuple(reversed(once.values())), keep_of_data, describe(loop.model, built)


def _tested(loop: Loop) -> list[Measurement]:
    """What the test set says of the last weights, and of those that validation chose."""
    history, epochs = loop.history, len(loop.history.losses)
    found = [Measurement("test_accuracy", epochs, short(loop.test()))]
    if loop.run.spectral:
        batch = loop.prepare(data.first(loop.loaded.test, EVALUATION_BATCH)[0])
        with loop.autocast():
            kept = short(thresholds.density(loop.model.eval(), batch))
        found.append(Measurement("density", epochs, kept))
    if history.validation:
        last = {name: value.clone() for name, value in loop.model.state_dict().items()}
        loop.model.load_state_dict(history.best)
        found.append(Measurement("best_test_accuracy", history.best_epoch, short(loop.test())))
        loop.model.load_state_dict(last)
    return found


def load(run: TrainConfig) -> data.LabeledData:
    """The data of a run, in the form that it asks for.

    Raises:
        ValueError: Unknown or damaged data, or more samples asked for than there are.
        OSError: A folder or file is missing.
    """
    loaded = data.load(run.data, root=run.root, preprocessing=run.preprocessing)
    if run.limit is not None:
        loaded = loaded.limited(run.limit)
    if run.validation:
        loaded = loaded.hold_out(run.validation)
    if run.resize is not None:
        loaded = data.resized(loaded, run.resize)
    return loaded if run.pad is None else data.padded(loaded, run.pad)


def build(run: TrainConfig, loaded: data.LabeledData) -> tuple[nn.Module, float | None]:
    """The model of a run, converted if it has a keep, and what its layers then really keep.

    Thresholds are as they are before training.

    Raises:
        ValueError: The model is unknown, or not for such data or labels.
    """
    dims = models.dims(run.model)
    if dims is not None and dims != len(loaded.space):
        shape = (loaded.in_channels, *loaded.space)
        raise ValueError(
            f"model {run.model!r} is for {_MAPS[dims]}, "
            f"but {run.data!r} holds {_MAPS[len(loaded.space)]} {shape}"
        )
    if models.per_pixel(run.model):
        others = [name for name in models.available() if models.dims(name) == dims]
        fitting = ", ".join(name for name in others if not models.per_pixel(name))
        raise ValueError(
            f"model {run.model!r} returns logits for each pixel, but {run.data!r} has one label "
            f"for each of its {_MAPS[len(loaded.space)]}; for those there is {fitting}"
        )
    if run.augment != "none" and len(loaded.space) != 2:
        raise ValueError(
            f"augment {run.augment!r} is for images, but {run.data!r} holds "
            f"{_MAPS[len(loaded.space)]}"
        )
    model = architecture(run, loaded).build()
    if dims is None:
        _try(run, model, loaded)
    return model, bands.convert(model, run, data.first(loaded.train, 2)[0])


def architecture(run: TrainConfig, loaded: data.LabeledData) -> models.Architecture:
    """How the model of a run is built.

    Raises:
        ValueError: The model is unknown.
    """
    options: dict[str, object] = {}
    if "image_size" in models.options(run.model):
        options["image_size"] = loaded.space
    options |= {key: v for key in ("beta", "store") if (v := getattr(run, key)) is not None}
    shape = (loaded.in_channels, *loaded.space)
    return models.Architecture(run.model, loaded.num_classes, shape, options | dict(run.options))


def _try(run: TrainConfig, model: nn.Module, loaded: data.LabeledData) -> None:
    """Runs a model of which nothing is known on two samples.

    Raises:
        ValueError: It does not take them, or returns no logit for each class.
    """
    maps = data.first(loaded.test, 2)[0]
    try:
        with torch.no_grad():
            found = deepcopy(model).eval()(maps)
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"model {run.model!r} does not take maps {tuple(maps.shape)} of {run.data!r}: {error}"
        ) from error
    wanted = (len(maps), loaded.num_classes)
    got = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
    if got != wanted:
        raise ValueError(f"model {run.model!r} returns logits {wanted} for {run.data!r}; got {got}")


def sizes(name: str, loaded: data.LabeledData) -> dict[str, Any]:
    """How many samples a data set has, for the report."""
    parts = {"train": loaded.train, "validation": loaded.validation, "test": loaded.test}
    return {"samples": {name: {part: data.size(s) for part, s in parts.items() if s is not None}}}


def _checkpoint_bytes(model: nn.Module) -> int:
    """Room for two checkpoints (the old one and the new) of weights and two moments each.

    And for the model to hand on.
    """
    return 7 * sum(p.numel() * p.element_size() for p in model.parameters()) + 2**20
