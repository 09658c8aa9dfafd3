"""The study ``shift``."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from digits_run import config, weights
from passband.lab import cli, data, models, overlay, report, results
from passband.lab.config import TrainConfig
from passband.lab.results import Row
from passband.lab.studies import task
from passband.lab.studies.shift import ShiftConfig, shift
from passband.lab.studies.shift_shown import shift_notes, shift_tables


def study(out: Path, **given: Any) -> ShiftConfig:
    settings = {"keep": (0.25,), "seeds": 1, "shifts": (1, 2, 8), "angles": (90,)}
    base = config(out, epochs=2)
    return ShiftConfig(**{"out": str(out), "base": (base,), **settings, **given})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    shift(study(out))
    return out


def found(rows: list[Row]) -> dict[tuple[float | None, str, float | None], float]:
    return {(row.keep, row.metric, row.at): row.value for row in rows}


def classes(out: Path, maps: np.ndarray) -> np.ndarray:
    net = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    net.load_state_dict(weights(out / "runs" / "digits-lenet5-plain-seed0"))
    with torch.no_grad():
        found: np.ndarray = net.eval()(torch.from_numpy(maps)).argmax(1).numpy()
    return found


def test_moved_and_turned_by_hand(finished: Path) -> None:
    rows = found(results.read(finished / "results.csv"))
    loaded = data.load("digits")
    maps, labels = (one.numpy() for one in data.whole(loaded.test))
    black = float(data.whole(loaded.train)[0].min())
    framed = np.pad(maps, ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=black)
    before = classes(finished, maps)
    for size in (1, 2):
        after = [
            classes(finished, framed[:, :, 2 + y : 10 + y, 2 + x : 10 + x])
            for y, x in ((0, size), (0, -size), (size, 0), (-size, 0))
        ]
        right = np.mean([one == labels for one in after])
        same = np.mean([one == before for one in after])
        assert rows[None, "moved_accuracy", size] == pytest.approx(right, abs=0.004)
        assert rows[None, "moved_same", size] == pytest.approx(same, abs=0.004)
    turned = [classes(finished, np.rot90(maps, k, (2, 3)).copy()) for k in (1, -1)]
    right = np.mean([one == labels for one in turned])
    assert rows[None, "turned_accuracy", 90] == pytest.approx(right, abs=0.004)


def test_nothing_moved_is_the_test_accuracy(finished: Path) -> None:
    rows = found(results.read(finished / "results.csv"))
    for keep in (None, 0.25):
        for kind in ("moved", "turned"):
            assert rows[keep, f"{kind}_accuracy", 0.0] == pytest.approx(
                rows[keep, "test_accuracy", None], abs=1e-6
            )
            assert rows[keep, f"{kind}_same", 0.0] == 1


def test_consistency_is_the_mean_over_pairs_of_shifts(finished: Path) -> None:
    rows = found(results.read(finished / "results.csv"))
    maps = data.whole(data.load("digits").test)[0].numpy()
    black = float(data.whole(data.load("digits").train)[0].min())
    framed = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=black)
    all_nine = [
        classes(finished, framed[:, :, y : y + 8, x : x + 8]) for y in range(3) for x in range(3)
    ]
    expected = np.mean([one == two for one in all_nine for two in all_nine])
    # The mean over all pairs; the study draws two of them for each of the 364 samples.
    assert rows[None, "moved_consistency", 1.0] == pytest.approx(expected, abs=0.06)


def test_shifts_out_of_the_map_are_left_out(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    assert {row.at for row in rows if row.metric == "moved_accuracy"} == {0.0, 1.0, 2.0}
    assert {row.at for row in rows if row.metric == "moved_consistency"} == {1.0, 2.0}


def test_series_are_moved_and_not_turned(tmp_path: Path) -> None:
    base = TrainConfig.recommended("ucr:GunPoint", "fcn", str(tmp_path), epochs=1)
    rows = shift(study(tmp_path, base=(base,), shifts=(0.5, 3), samples=40))
    assert {row.at for row in rows if row.metric == "moved_accuracy"} == {0.0, 0.5, 3.0}
    assert not [row for row in rows if row.metric.startswith("turned")]


def row(keep: float | None, metric: str, value: float, at: float) -> Row:
    variant = "plain" if keep is None else "band"
    return Row("shift", "d", "m", variant, 0, 2, keep, keep, metric, value, at=at)


def by_hand() -> list[Row]:
    return [
        row(keep, metric, value, at)
        for metric, values in (
            ("moved_accuracy", ((0.9, 0.8), (0.88, 0.5))),
            ("turned_accuracy", ((0.9, 0.6), (0.88, 0.7))),
        )
        for keep, line in zip((None, 0.5), values, strict=True)
        for at, value in zip((0.0, 3.0), line, strict=True)
    ]


def test_tables_and_notes_by_hand() -> None:
    first, second = shift_tables(by_hand()).items()
    assert first == (
        "Accuracy (%) of m on d, moved",
        [("moved (samples)", "plain", "keep 0.5"), ("0", "90.0", "88.0"), ("3", "80.0", "50.0")],
    )
    assert second[1][0][0] == "turned (degrees)"
    (note,) = [one for one in shift_notes(by_hand(), {}) if "better" in one]
    assert "moved, <b>worse</b> than plain by a point or more at 3 (-30.0)" in note
    assert "<b>better</b> at 3° (+10.0); as they are -2.0" in note


def test_what_was_not_moved_has_no_table() -> None:
    rows = [row for row in by_hand() if row.metric == "turned_accuracy" or not row.at]
    assert list(shift_tables(rows)) == ["Accuracy (%) of m on d, turned"]


def test_a_finished_study_is_not_done_again(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    before = (finished / "results.csv").read_bytes()
    assert shift(study(finished)) == results.read(finished / "results.csv")
    assert (finished / "results.csv").read_bytes() == before


def test_beside_the_paper() -> None:
    lines = overlay.measured(by_hand(), "test_accuracy", "degrees")
    assert lines == {
        "m d plain": [(0.0, 0.9, 0.0), (3.0, 0.6, 0.0)],
        "m d keep 0.5": [(0.0, 0.88, 0.0), (3.0, 0.7, 0.0)],
    }
    assert overlay.measured(by_hand(), "test_accuracy", "pixels")["m d plain"][1][1] == 0.8


def test_the_page_has_a_drawing_below_each_table(finished: Path) -> None:
    page = report.build(finished).read_text()
    assert {path.stem for path in (finished / "figures").iterdir()} == {
        f"digits-lenet5-{name}"
        for name in ("moved_accuracy", "moved_same", "moved_consistency", "turned_accuracy",
                     "turned_same")
    }  # fmt: skip
    assert "moved by up to (samples)" in page


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--shifts", "-1"], "shifts is finite and at least 0; got -1.0"),
        (["--shifts", "nan"], "got nan"),
        (["--angles", "200"], "angles are at most 180 degrees; got 200"),
        (["--severities", "1"], "takes no --severities"),
    ],
)
def test_a_users_error_is_one_line_and_leaves_nothing(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    given = ["study", "shift", "--data", "digits", "--model", "lenet5", *words, "--out", str(out)]
    assert cli.main(given) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert not out.exists()
