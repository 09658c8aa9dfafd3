from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import passband as pb
from digits_run import config, weights
from passband.lab import cli, data, models, overlay, report, results
from passband.lab.results import Row
from passband.lab.studies import STUDIES, command, task
from passband.lab.studies.cross import CrossConfig, cross
from passband.lab.studies.cross_shown import cross_tables


def study(out: Path, **given: Any) -> CrossConfig:
    base = config(out, epochs=1)
    settings = {"keep": (0.25,), "test_keep": (1.0, 0.25, 0.1), "seeds": 1}
    return CrossConfig(**{"out": str(out), "base": (base,), **settings, **given})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    cross(study(out))
    return out


def matrix(rows: list[Row]) -> dict[tuple[float | None, float | None], Row]:
    return {(row.keep, row.at): row for row in rows if row.metric == "cross_accuracy"}


def test_each_trained_keep_is_tested_at_each(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    crossed = [row for row in rows if row.metric == "cross_accuracy"]
    assert len(crossed) == 6
    assert set(matrix(rows)) == {(keep, at) for keep in (None, 0.25) for at in (1.0, 0.25, 0.1)}
    assert {row.study for row in rows} == {"cross"}


@pytest.mark.parametrize(("name", "keep"), [("plain", None), ("keep0.25", 0.25)])
@pytest.mark.parametrize("at", [1.0, 0.1])
def test_accuracy_is_that_of_the_weights_converted(
    finished: Path, name: str, keep: float | None, at: float
) -> None:
    net = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    net.load_state_dict(weights(finished / "runs" / f"digits-lenet5-{name}-seed0"))
    inputs, labels = data.load("digits").test[:]
    told = pb.convert_(net, pb.Band(keep=at), example=inputs)
    with torch.no_grad():
        right = float((net(inputs).argmax(1) == labels).double().mean())
    row = matrix(results.read(finished / "results.csv"))[keep, at]
    assert row.value == pytest.approx(right, abs=1.5 / len(labels))
    assert row.keep_measured == told.keep_measured


def test_where_it_was_trained_it_is_the_trainings_accuracy(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    own = {row.keep: row.value for row in rows if row.metric == "test_accuracy"}
    for keep, at in ((None, 1.0), (0.25, 0.25)):
        assert matrix(rows)[keep, at].value == pytest.approx(own[keep], abs=1e-2)


def test_a_study_stopped_before_a_test_goes_on_with_it(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: float, doing: str) -> None:
        if done > 0.9 and doing.endswith("at every test keep"):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        cross(study(tmp_path), stop)
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    assert cross(study(tmp_path)) == results.read(finished / "results.csv")
    assert cross(study(tmp_path)) == results.read(finished / "results.csv")


def test_table_and_figures_show_the_matrix(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    ((_, lines),) = cross_tables(rows).items()
    assert lines[0] == ("tested at", "measured", "plain", "keep 0.25")
    assert [line[0] for line in lines[1:]] == ["1", "0.25", "0.1"]
    cell = f"{100 * matrix(rows)[0.25, 0.1].value:.1f}"
    assert lines[3][3] == cell
    page = report.build(finished).read_text()
    names = {path.stem for path in (finished / "figures").iterdir()}
    assert names == {"digits-lenet5-cross-lines", "digits-lenet5-cross-map"}
    for words in (">trained at keep 0.25</text>", ">plain</text>", f">{cell}</text>"):
        assert words in page


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"keep": (2.0,)}, "got 2.0"),
        ({"test_keep": ()}, "test_keep is one or more in .*; got \\(\\)"),
        ({"test_keep": (0.5, 0.0)}, "test_keep.*got 0.0"),
        ({"seeds": 0}, "seeds is at least 1"),
    ],
)
def test_a_wrong_config_is_refused(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        study(tmp_path, **given)


def test_its_words_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def run(study: Any, watch: Any = None) -> list[Any]:
        asked.append(study)
        return []

    caught = replace(STUDIES["cross"], run=run)
    monkeypatch.setitem(STUDIES, "cross", caught)
    for place in (cli, command):
        monkeypatch.setattr(place, "finish", lambda *told, **more: None)
    words = ["study", "cross", "--keep", ".5", "--test-keep", "1", ".1", "--out", str(tmp_path)]
    assert cli.main(words) == 0
    assert (asked[0].keep, asked[0].test_keep) == ((None, 0.5), (1.0, 0.1))


def test_beside_the_papers_figure_it_is_by_measured_keep(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    lines = overlay.measured(rows, "test_accuracy", "keep_measured")
    assert set(lines) == {"lenet5 digits plain", "lenet5 digits trained at 0.25"}
    wanted = {row.keep_measured: row.value for (keep, _), row in matrix(rows).items() if keep}
    assert {x: y for x, y, _ in lines["lenet5 digits trained at 0.25"]} == wanted
