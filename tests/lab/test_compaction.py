import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from digits_run import config, weights
from passband.analysis import TRANSFORMS, energy_compaction
from passband.lab import data, models, report, results
from passband.lab.results import Row
from passband.lab.studies import task
from passband.lab.studies.compaction import CompactionConfig, compaction, feature_maps
from passband.lab.studies.compaction_shown import figure

module = sys.modules[compaction.__module__]
LAYERS = ("conv1", "conv2")


def study(out: Path, **given: Any) -> CompactionConfig:
    base = config(out, epochs=1)
    return CompactionConfig(
        **{"out": str(out), "base": (base,), "fractions": (0.05, 0.5, 1.0), "maps": 8, **given}
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    compaction(study(out))
    return out


def test_the_table_has_each_measurement_once(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    found = [(row.variant, row.epoch, row.keep, row.metric) for row in rows]
    assert len(found) == len(set(found))
    assert set(found) == {
        (transform, epoch, fraction, metric)
        for transform in TRANSFORMS
        for epoch in (0, 1)
        for fraction in (0.05, 0.5, 1.0)
        for metric in ("energy", *(f"energy/{name}" for name in LAYERS))
    }
    assert {(row.study, row.data, row.model, row.seed) for row in rows} == {
        ("compaction", "digits", "lenet5", 0)
    }


def value(rows: list[Row], transform: str, epoch: int, keep: float, metric: str) -> float:
    key = (transform, epoch, keep, metric)
    (found,) = (r.value for r in rows if (r.variant, r.epoch, r.keep, r.metric) == key)
    return found


def test_it_is_that_of_the_trained_models_maps(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    model: Any = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    model.load_state_dict(weights(finished / "runs" / "digits-lenet5-plain-seed0"))
    first = data.load("digits").test[:8][0]
    for transform in TRANSFORMS:
        one, two = (value(rows, transform, 1, 0.05, f"energy/{name}") for name in LAYERS)
        with torch.no_grad():
            assert energy_compaction(model[0](first), transform, [0.05]) == pytest.approx([one])
            assert energy_compaction(model[:4](first), transform, [0.05]) == pytest.approx([two])
        numbers = (6 * 28 * 28, 16 * 10 * 10)
        mean = (numbers[0] * one + numbers[1] * two) / sum(numbers)
        assert value(rows, transform, 1, 0.05, "energy") == pytest.approx(mean)
        assert value(rows, transform, 1, 1.0, "energy") == pytest.approx(1)
        assert value(rows, transform, 0, 0.05, "energy") != pytest.approx(mean)


def test_before_training_it_is_that_of_the_initial_weights(finished: Path) -> None:
    torch.manual_seed(0)
    model: Any = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    first = data.load("digits").test[:8][0]
    found = value(results.read(finished / "results.csv"), "db2", 0, 0.05, "energy/conv1")
    with torch.no_grad():
        assert energy_compaction(model[0](first), "db2", [0.05]) == pytest.approx([found])


def test_a_finished_study_repeats_nothing(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (finished / "results.csv").read_bytes()
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    seen: list[float] = []
    compaction(study(finished), lambda done, doing: seen.append(done))
    assert seen[-1] == 1
    assert (finished / "results.csv").read_bytes() == before


def test_a_study_stopped_after_training_measures_without_it(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = module.energy_compaction
    monkeypatch.setattr(module, "energy_compaction", lambda *a: exec("raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        compaction(study(tmp_path))
    monkeypatch.setattr(module, "energy_compaction", real)
    assert compaction(study(tmp_path)) == results.read(finished / "results.csv")


def test_another_studys_directory_is_refused(finished: Path) -> None:
    with pytest.raises(FileExistsError, match="maps is 8 there and 9 here"):
        compaction(study(finished, maps=9))


def test_its_figures_have_a_line_for_each_transform(finished: Path) -> None:
    report.build(finished)
    drawn = figure(results.read(finished / "results.csv"))
    assert list(drawn) == [f"digits-lenet5-compaction-{kind}" for kind in ("numbers", "bytes")]
    for name, text in drawn.items():
        assert (finished / "figures" / f"{name}.svg").read_text() == text
        for transform in TRANSFORMS:
            assert f">{transform}</text>" in text


def test_maps_of_a_model_are_found_and_its_hooks_removed() -> None:
    model = nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU(inplace=True), nn.Conv1d(3, 4, 1))
    x = torch.randn(5, 2, 9)
    maps = feature_maps(model, x)
    assert list(maps) == ["0", "2"]
    torch.testing.assert_close(maps["0"], model[0](x).detach())  # before the activation in place
    assert maps["2"].shape == (5, 4, 7)
    assert not any(module._forward_hooks for module in model)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"seeds": 0}, ValueError, "seeds is at least 1; got 0"),
        ({"maps": 2.5}, TypeError, "maps is a whole number; got 2.5"),
        ({"fractions": (0.1, 10)}, ValueError, "10"),
        ({"fractions": (0, 0.5)}, ValueError, r"\(0, 0.5\)"),
        ({"fractions": ()}, ValueError, r"\(\)"),
        ({"base": ()}, ValueError, "got none"),
    ],
)
def test_a_wrong_config_is_refused(
    tmp_path: Path, given: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        study(tmp_path, **given)


def test_wrong_runs_are_refused(tmp_path: Path) -> None:
    (base,) = study(tmp_path).base
    with pytest.raises(ValueError, match=r"keep=0\.5"):
        study(tmp_path, base=(replace(base, keep=0.5),))
    with pytest.raises(ValueError, match="studied once"):
        study(tmp_path, base=(base, base))
    with pytest.raises(ValueError, match="unknown model 'lenet7'"):
        compaction(study(tmp_path / "new", base=(replace(base, model="lenet7"),)))
    assert not (tmp_path / "new").exists()
