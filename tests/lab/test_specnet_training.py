import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import passband as pb
from digits_run import weights
from passband.lab import data, models, report, results
from passband.lab.results import Row
from passband.lab.studies.specnet_training import TrainingConfig, specnet_training
from passband.lab.training import train
from spectral_run import base

module = sys.modules[specnet_training.__module__]


def study(out: Path, **given: Any) -> TrainingConfig:
    settings = {"out": str(out), "base": (base(out, epochs=2),), "beta": (0.05,), **given}
    return TrainingConfig(**settings)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    specnet_training(study(out))
    return out


def values(rows: list[Row], metric: str, model: str) -> dict[int | None, float]:
    return {row.epoch: row.value for row in rows if (row.metric, row.model) == (metric, model)}


def test_every_epoch_is_measured(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    for model in ("lenet5", "spec_lenet5"):
        for metric in ("saved_bytes", "relative_memory", "test_accuracy"):
            assert list(values(rows, metric, model)) == [0, 1, 2]
        assert list(values(rows, "train_loss", model)) == [1, 2]
    assert list(values(rows, "density", "spec_lenet5")) == [0, 1, 2]
    assert set(values(rows, "relative_memory", "lenet5").values()) == {1.0}
    assert {row.beta for row in rows} == {None, 0.05}


def held(model: str, of: Path | None) -> int:
    """Of the first batch, with a run's weights or the initial ones of seed 0."""
    maps, labels = (part.clone() for part in data.load("digits").train[:256])
    torch.manual_seed(0)
    options: dict[str, object] = {} if model == "lenet5" else {"beta": 0.05}
    net = models.create_model(model, num_classes=10, in_channels=1, image_size=8, **options)
    if of is not None:
        net.load_state_dict(weights(of))
    return pb.memory.saved(lambda: torch.nn.functional.cross_entropy(net(maps), labels)).total


def test_memory_is_that_of_the_network_before_and_after(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    run = finished / "runs" / "digits-spec_lenet5-beta0.05-seed0"
    saved = values(rows, "saved_bytes", "spec_lenet5")
    assert saved[0] == held("spec_lenet5", None)
    assert saved[2] == held("spec_lenet5", run)
    relative = values(rows, "relative_memory", "spec_lenet5")
    assert relative[2] == pytest.approx(saved[2] / held("lenet5", None))


def test_measuring_changes_no_training(finished: Path, tmp_path: Path) -> None:
    rows = results.read(finished / "results.csv")
    alone = train(base(tmp_path, epochs=2, beta=0.05))
    assert values(rows, "test_accuracy", "spec_lenet5")[2] == pytest.approx(
        alone.test_accuracy, rel=1e-6
    )
    assert values(rows, "density", "spec_lenet5")[2] == alone.density
    assert tuple(values(rows, "train_loss", "spec_lenet5").values()) == alone.train_loss


def test_a_run_stopped_between_epochs_has_all_of_them(finished: Path, tmp_path: Path) -> None:
    def stop(done: float, doing: str) -> None:
        if "beta" in doing and done > 0.9:  # at the end of its second epoch, which is lost
            raise InterruptedError

    with pytest.raises(InterruptedError):
        specnet_training(study(tmp_path), stop)
    assert (tmp_path / "runs" / "digits-spec_lenet5-beta0.05-seed0" / "last.ckpt").exists()
    assert specnet_training(study(tmp_path)) == results.read(finished / "results.csv")


def test_figures_and_page_show_the_epochs(finished: Path) -> None:
    page = report.build(finished).read_text()
    names = {path.stem for path in (finished / "figures").iterdir()}
    kinds = ("relative_memory", "test_accuracy", "density")
    assert names == {f"digits-lenet5-by-epoch-{kind}" for kind in kinds}
    for words in (">epoch</text>", ">beta 0.05</text>", ">plain</text>", "saved bytes ÷ plain's",
                  "test accuracy (%)"):  # fmt: skip
        assert words in page
