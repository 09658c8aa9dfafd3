from pathlib import Path
from typing import Any

import pytest
import torch

import passband as pb
from digits_run import config
from passband.lab import models, report, results
from passband.lab.results import Row
from passband.lab.studies import task
from passband.lab.studies.schedule import ScheduleConfig, schedule
from passband.lab.studies.schedule_shown import mean_keep, schedule_tables
from passband.lab.training import train


def study(out: Path, **given: Any) -> ScheduleConfig:
    settings = {"keep": (0.5,), "start": (0.1, 0.5, 1.0), "seeds": 1, **given}
    return ScheduleConfig(**{"out": str(out), "base": (config(out, epochs=2),), **settings})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    schedule(study(out))
    return out


def values(rows: list[Row], metric: str, variant: str, at: float | None) -> dict[int | None, float]:
    key = (metric, variant, at)
    return {row.epoch: row.value for row in rows if (row.metric, row.variant, row.at) == key}


def test_each_band_is_trained_fixed_and_from_every_other_start(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    found = {(row.variant, row.keep, row.at) for row in rows}
    assert found == {
        ("plain", None, None), ("band", 0.5, None), ("grow", 0.5, 0.1), ("shrink", 0.5, 1.0),
    }  # fmt: skip
    for variant, _, at in found:
        assert sorted(e or 0 for e in values(rows, "test_accuracy", variant, at)) == [0, 1, 2]


def test_the_band_of_each_epoch_is_what_the_library_keeps(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    net = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    pb.convert_(net, pb.Band(keep=1.0))
    kept = {}
    for keep in (0.1, 0.5, 1.0):
        pb.set_band_(net, pb.Band(keep=keep))
        kept[keep] = pb.report(net, torch.zeros(1, 1, 8, 8)).keep_measured
    for variant, at in (("grow", 0.1), ("shrink", 1.0)):
        way = values(rows, "keep_measured", variant, at)
        assert way == {0: kept[at], 1: kept[at], 2: kept[0.5]}  # there at half of the epochs
        mine = [row for row in rows if row.variant == variant]
        assert mean_keep(mine) == pytest.approx((kept[at] + kept[0.5]) / 2)
        losses = {row.keep_measured for row in mine if row.metric == "train_loss"}
        assert losses == {kept[0.5]}
    assert mean_keep([row for row in rows if row.variant == "plain"]) == 1


def test_looking_changes_no_training(finished: Path, tmp_path: Path) -> None:
    rows = results.read(finished / "results.csv")
    alone = train(config(tmp_path, epochs=2, keep=0.5, keep_start=0.1))
    assert tuple(values(rows, "train_loss", "grow", 0.1).values()) == alone.train_loss
    assert values(rows, "test_accuracy", "grow", 0.1)[2] == alone.test_accuracy


def test_a_study_stopped_between_epochs_has_all_of_them(finished: Path, tmp_path: Path) -> None:
    def stop(done: float, doing: str) -> None:
        if "shrink" in doing and done > 0.9:  # at the end of its second epoch, which is lost
            raise InterruptedError

    with pytest.raises(InterruptedError):
        schedule(study(tmp_path), stop)
    assert schedule(study(tmp_path)) == results.read(finished / "results.csv")


def test_a_finished_study_repeats_nothing(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (finished / "results.csv").read_bytes()
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    schedule(study(finished))
    assert (finished / "results.csv").read_bytes() == before


def test_table_and_figures_name_the_bands(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    ((_, (_, *lines)),) = schedule_tables(rows).items()
    assert [line[0] for line in lines] == ["plain", "keep 0.5", "0.1 → 0.5", "1 → 0.5"]
    last = values(rows, "test_accuracy", "grow", 0.1)[2]
    assert lines[2][4] == f"{100 * last:.1f}"
    page = report.build(finished).read_text()
    names = {path.stem for path in (finished / "figures").iterdir()}
    kinds = ("by-epoch-test_accuracy", "by-epoch-keep_measured", "mean-keep")
    assert names == {f"digits-lenet5-{kind}" for kind in kinds}
    for words in (">0.1 → 0.5</text>", ">keep 0.5</text>", ">plain</text>"):
        assert words in page


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"keep": (0.0,)}, "got 0.0"),
        ({"start": ()}, "start is at least one keep; got none"),
        ({"start": (2.0,)}, "start.*got 2.0"),
        ({"seeds": 0}, "seeds is at least 1"),
    ],
)
def test_a_wrong_config_is_refused(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        study(tmp_path, **given)


def test_a_single_epoch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 2 epochs; got 1"):
        study(tmp_path, base=(config(tmp_path, epochs=1),))
