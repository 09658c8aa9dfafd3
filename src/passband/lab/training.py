"""One training run, on Lightning."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from torch import nn

import passband as pb
from passband.lab import checkpoint, data, environment, models, results, rundir
from passband.lab.classifier import Classifier, LossHistory, short
from passband.lab.config import TrainConfig
from passband.lab.processes import is_first
from passband.lab.quiet import quiet
from passband.lab.results import Row


@dataclass(frozen=True)
class Result:
    """What a finished run measured.

    Attributes:
        config: The run.
        keep_measured: What the converted layers really keep; None for plain.
        train_loss: Mean loss of each epoch.
        test_accuracy: Share of the test set that the last epoch's model gets right.
    """

    config: TrainConfig
    keep_measured: float | None
    train_loss: tuple[float, ...]
    test_accuracy: float

    def rows(self, study: str = "train") -> list[Row]:
        """The result as rows of the tidy table."""
        run = self.config
        measured = [("train_loss", epoch, loss) for epoch, loss in enumerate(self.train_loss, 1)]
        measured.append(("test_accuracy", run.epochs, self.test_accuracy))
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
        resume: Continue from ``last.ckpt``; the result is that of an uninterrupted run.
        callbacks: Further Lightning callbacks.
        progress_bar: Whether to show Lightning's.

    Raises:
        ValueError: Unknown data or model, or a damaged checkpoint.
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
        trainer = L.Trainer(
            max_epochs=run.epochs,
            accelerator=run.accelerator,
            devices=run.devices,
            strategy=run.strategy,
            num_nodes=run.num_nodes,
            precision=run.precision,  # type: ignore[arg-type]  # checked by Lightning
            callbacks=[
                history,
                ModelCheckpoint(out, filename=path.stem, enable_version_counter=False),
                *([RichProgressBar()] if progress_bar else ()),
                *callbacks,
            ],
            plugins=[checkpoint.AtomicCheckpointIO()],
            logger=False,
            enable_progress_bar=progress_bar,
            enable_model_summary=False,
            use_distributed_sampler=False,  # the loaders have theirs
        )
        # Last, so that a run that cannot start leaves nothing behind.
        if is_first():
            rundir.claim(out, asdict(run), again=resume, free=_checkpoint_bytes(model))
            environment.save(out, **sizes(run.data, loaded))
        trainer.fit(module, ckpt_path=path if resume else None, weights_only=True)
        (tested,) = trainer.test(module, verbose=False)

    result = Result(
        config=run,
        keep_measured=keep_measured,
        train_loss=tuple(history.losses),
        test_accuracy=short(tested["test_accuracy"]),
    )
    if is_first():
        results.write(out / results.FILE_NAME, result.rows())
    return result


def build(run: TrainConfig, loaded: data.LabeledData) -> tuple[nn.Module, float | None]:
    """The model of a run, converted if it has a keep, and what its layers then really keep.

    Raises:
        ValueError: The model is unknown or cannot take the data's maps.
    """
    sized = "image_size" in models.options(run.model)
    model = models.create_model(
        run.model,
        num_classes=loaded.num_classes,
        in_channels=loaded.in_channels,
        **({"image_size": loaded.space} if sized else {}),
    )
    example = loaded.train[:2][0]
    try:
        with torch.no_grad():
            model.eval()(example)
    except RuntimeError as error:
        raise ValueError(
            f"model {run.model!r} cannot take maps (channels, *space) "
            f"{tuple(example.shape[1:])} of {run.data!r}: {error}"
        ) from error
    model.train()
    if run.keep is None:
        return model, None
    report = pb.convert_(model, pb.Band(keep=run.keep), example=example, plan=run.plan)
    return model, report.keep_measured


def sizes(name: str, loaded: data.LabeledData) -> dict[str, Any]:
    """How many samples a data set has, for the report."""
    return {"samples": {name: {"train": len(loaded.train), "test": len(loaded.test)}}}


def _checkpoint_bytes(model: nn.Module) -> int:
    """Room for two checkpoints (the old one and the new) of weights and two moments each."""
    return 6 * sum(p.numel() * p.element_size() for p in model.parameters()) + 2**20
