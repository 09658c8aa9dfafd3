"""One training run, on Lightning."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from torch import nn

import passband as pb
from passband.convert.layers import band_layers
from passband.lab import checkpoint, data, environment, models, results, rundir, thresholds
from passband.lab.classifier import EVALUATION_BATCH, Classifier, LossHistory, short
from passband.lab.config import TrainConfig
from passband.lab.processes import is_first
from passband.lab.quiet import quiet
from passband.lab.results import Row

_MAPS = {1: "series", 2: "images"}


@dataclass(frozen=True)
class Result:
    """What a finished run measured.

    Attributes:
        config: The run.
        keep_measured: What the converted layers really keep; None for plain and spectral.
        train_loss: Mean loss of each epoch.
        test_accuracy: Share of the test set that the last epoch's model gets right.
        density: Share of their coefficients that the thresholds of a spectral model keep, of all
            together, on the first batch of the test set after the last epoch; None for others.
    """

    config: TrainConfig
    keep_measured: float | None
    train_loss: tuple[float, ...]
    test_accuracy: float
    density: float | None = None

    def rows(self, study: str = "train") -> list[Row]:
        """The result as rows of the tidy table."""
        run = self.config
        measured = [("train_loss", epoch, loss) for epoch, loss in enumerate(self.train_loss, 1)]
        measured.append(("test_accuracy", run.epochs, self.test_accuracy))
        if self.density is not None:
            measured.append(("density", run.epochs, self.density))
        return [
            Row(study, run.data, run.model, run.variant, run.seed, epoch,
                run.keep, self.keep_measured, metric, value)
            for metric, epoch, value in measured
        ]  # fmt: skip


def train(
    run: TrainConfig,
    *,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    progress_bar: bool = True,
) -> Result:
    """Trains a model and measures it once, after the last epoch.

    The test set takes no part in any choice: there is no best epoch, only the last.

    Args:
        run: What to train. Its directory receives ``config.yaml``, ``last.ckpt`` after each epoch
            and, at the end, ``results.csv``.
        resume: Continue from ``last.ckpt``; the result is that of an uninterrupted run. Where it
            computes may change, the number of processes may not: it multiplies the batch size.
        callbacks: Further Lightning callbacks.
        progress_bar: Whether to show Lightning's.

    Raises:
        ValueError: Unknown data or model, data that the model is not for, or a damaged checkpoint.
        FileExistsError: The directory holds another run, or this one and ``resume`` is False.
        FileNotFoundError: ``resume`` without a checkpoint.
        OSError: The directory cannot be written or is full.
    """
    out = Path(run.out)
    with quiet():
        loaded = data.load(run.data, root=run.root)
        L.seed_everything(run.seed, workers=True, verbose=False)
        model, keep_measured = build(run, loaded)
        module = Classifier(model, run, loaded)
        path = out / checkpoint.FILE_NAME
        if resume:
            checkpoint.check(path, module)
        history = LossHistory()
        moves = thresholds.of_run(run, loaded)
        trainer = make_trainer(run, [history, *moves, *callbacks], progress_bar=progress_bar)
        # Last, so that a run that cannot start leaves nothing behind.
        if is_first():
            wanted = {**asdict(run), "processes": trainer.world_size}
            rundir.claim(out, wanted, again=resume, free=_checkpoint_bytes(model))
            environment.save(out, **sizes(run.data, loaded))
        trainer.fit(module, ckpt_path=path if resume else None, weights_only=True)
        (tested,) = trainer.test(module, verbose=False)
        kept = _density(trainer, module, loaded) if run.spectral else None

    result = Result(
        config=run,
        keep_measured=keep_measured,
        train_loss=tuple(history.losses),
        test_accuracy=short(tested["test_accuracy"]),
        density=kept,
    )
    if is_first():
        results.write(out / results.FILE_NAME, result.rows())
    return result


def make_trainer(
    run: TrainConfig, callbacks: Sequence[Callback] = (), *, progress_bar: bool = False
) -> L.Trainer:
    """Lightning's trainer of a run; its ``world_size`` is how many processes share the samples.

    Raises:
        ValueError, MisconfigurationException: Lightning knows no such place or precision.
    """
    saves = ModelCheckpoint(
        run.out, filename=Path(checkpoint.FILE_NAME).stem, enable_version_counter=False
    )
    return L.Trainer(
        max_epochs=run.epochs,
        accelerator=run.accelerator,
        devices=run.devices,
        strategy=run.strategy,
        num_nodes=run.num_nodes,
        precision=run.precision,  # type: ignore[arg-type]  # checked by Lightning
        callbacks=[saves, *([RichProgressBar()] if progress_bar else ()), *callbacks],
        plugins=[checkpoint.AtomicCheckpointIO()],
        logger=False,
        enable_progress_bar=progress_bar,
        enable_model_summary=False,
        use_distributed_sampler=False,  # the loaders have theirs
    )


def build(run: TrainConfig, loaded: data.LabeledData) -> tuple[nn.Module, float | None]:
    """The model of a run, converted if it has a keep, and what its layers then really keep.

    Thresholds are as they are before training.

    Raises:
        ValueError: The model is unknown, or not for such data or labels.
    """
    if (dims := models.dims(run.model)) != len(loaded.space):
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
            f"for each of its {_MAPS[dims]}; for those there is {fitting}"
        )
    options: dict[str, object] = {}
    if "image_size" in models.options(run.model):
        options["image_size"] = loaded.space
    options |= {key: v for key in ("beta", "store") if (v := getattr(run, key)) is not None}
    model = models.create_model(
        run.model,
        num_classes=loaded.num_classes,
        in_channels=loaded.in_channels,
        **options,
    )
    if run.keep is None:
        return model, None
    example = loaded.train[:2][0]
    report = pb.convert_(model, pb.Band(keep=run.keep), example=example)
    for layer in band_layers(model).values():
        layer.plan = run.plan  # for where it trains; the example is on the CPU
    return model, report.keep_measured


def sizes(name: str, loaded: data.LabeledData) -> dict[str, Any]:
    """How many samples a data set has, for the report."""
    return {"samples": {name: {"train": len(loaded.train), "test": len(loaded.test)}}}


def _density(trainer: L.Trainer, module: Classifier, loaded: data.LabeledData) -> float:
    precision = trainer.strategy.precision_plugin
    batch = loaded.test[:EVALUATION_BATCH][0].to(module.device)
    with precision.forward_context():
        return short(thresholds.density(module.model.eval(), precision.convert_input(batch)))


def _checkpoint_bytes(model: nn.Module) -> int:
    """Room for two checkpoints (the old one and the new) of weights and two moments each."""
    return 6 * sum(p.numel() * p.element_size() for p in model.parameters()) + 2**20
