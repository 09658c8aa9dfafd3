from pathlib import Path
from typing import Any

import pytest
import torch

from digits_run import config, weights
from passband.lab import data, models, report, results
from passband.lab.results import Row
from passband.lab.studies import task
from passband.lab.studies.convergence import ConvergenceConfig, convergence
from passband.lab.studies.convergence_shown import convergence_tables, epochs_to

TIMED = ("step_seconds", "step_ratio")


def study(out: Path, **given: Any) -> ConvergenceConfig:
    settings = {"keep": (0.1,), "seeds": 1, "repeats": 1, **given}
    return ConvergenceConfig(**{"out": str(out), "base": (config(out, epochs=2),), **settings})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    convergence(study(out))
    return out


def untimed(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.metric not in TIMED]


def test_every_epoch_is_looked_at_and_steps_are_timed(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    for keep in (None, 0.1):
        mine = [row for row in rows if row.keep == keep]
        assert [row.epoch for row in mine if row.metric == "train_loss"] == [1, 2]
        assert sorted(r.epoch or 0 for r in mine if r.metric == "test_accuracy") == [0, 1, 2]
        (steps,) = (row.value for row in mine if row.metric == "steps")
        count = len(data.load("digits").train[:][1])
        assert steps == count // 64 + (count % 64 > 1)
        assert [row.metric for row in mine if row.metric in TIMED] == list(TIMED)


@pytest.mark.parametrize("epoch", [0, 2])
def test_accuracy_is_that_of_the_weights(finished: Path, epoch: int) -> None:
    torch.manual_seed(0)
    net = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    if epoch:
        net.load_state_dict(weights(finished / "runs" / "digits-lenet5-plain-seed0"))
    inputs, labels = data.load("digits").test[:]
    with torch.no_grad():
        right = float((net(inputs).argmax(1) == labels).double().mean())
    (found,) = (
        row.value
        for row in results.read(finished / "results.csv")
        if (row.metric, row.epoch, row.keep) == ("test_accuracy", epoch, None)
    )
    assert found == pytest.approx(right, abs=1.5 / len(labels))


def test_a_study_stopped_before_timing_goes_on_with_it(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: float, doing: str) -> None:
        if doing.endswith("seconds"):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        convergence(study(tmp_path), stop)
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    rows = convergence(study(tmp_path))
    assert untimed(rows) == untimed(results.read(finished / "results.csv"))
    assert convergence(study(tmp_path)) == rows


def row(keep: float | None, seed: int, metric: str, value: float, epoch: int | None = None) -> Row:
    variant = "plain" if keep is None else "band"
    return Row("convergence", "d", "m", variant, seed, epoch, keep, keep, metric, value)


def made(losses: dict[tuple[float | None, int], list[float]]) -> list[Row]:
    rows = []
    for (keep, seed), mine in losses.items():
        rows += [row(keep, seed, "train_loss", loss, n) for n, loss in enumerate(mine, 1)]
        rows += [row(keep, seed, "test_accuracy", 0.5, n) for n in range(4)]
        rows += [row(keep, seed, "steps", 100.0)]
        rows += [row(keep, seed, "step_seconds", 0.01 if keep is None else 0.005)]
    return rows


def test_epochs_to_a_loss_are_counted_seed_by_seed() -> None:
    rows = made({
        (None, 0): [0.9, 0.4, 0.5], (None, 1): [0.9, 0.5, 0.3],
        (0.5, 0): [0.6, 0.5, 0.2], (0.5, 1): [0.9, 0.8, 0.7],
    })  # fmt: skip
    assert epochs_to(rows, None) == {0: 2, 1: 3}
    assert epochs_to(rows, 0.5) == {0: 2, 1: None}
    assert epochs_to(rows, None, 0.5) == {0: None, 1: 2}
    ((_, (heads, plain, band)),) = convergence_tables(rows).items()
    cells = dict(zip(heads, band, strict=True))
    assert cells["epochs to plain's loss"] == "2 (1 of 2)"
    assert cells["s to plain's loss"] == "1 (1 of 2)"  # two epochs of half a second
    assert cells["epoch s"] == "0.50"
    assert dict(zip(heads, plain, strict=True))["epochs to plain's loss"] == "2.5"


def test_without_timing_there_are_no_seconds() -> None:
    rows = [one for one in made({(None, 0): [0.9], (0.5, 0): [0.9]}) if one.metric not in TIMED]
    ((_, (heads, *_)),) = convergence_tables(rows).items()
    assert heads[-2:] == ("epochs to plain's loss", "plain's to this")


def test_figures_have_epochs_and_seconds(finished: Path) -> None:
    page = report.build(finished).read_text()
    names = {path.stem for path in (finished / "figures").iterdir()}
    assert names == {
        f"digits-lenet5-by-{axis}-{metric}"
        for axis in ("epoch", "seconds") for metric in ("train_loss", "test_accuracy")
    }  # fmt: skip
    for words in (">seconds of training steps</text>", ">keep 0.1</text>", ">plain</text>"):
        assert words in page


@pytest.mark.parametrize(
    ("given", "told"),
    [({"keep": (1.5,)}, "got 1.5"), ({"repeats": -1}, "repeats"), ({"seeds": 0}, "seeds")],
)
def test_a_wrong_config_is_refused(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        study(tmp_path, **given)
