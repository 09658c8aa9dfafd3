"""The paper's figures beside what was measured, and several runs on one page."""

from dataclasses import replace
from pathlib import Path

import pytest

from passband.lab import cli, files, notes, overlay, report, results, table
from passband.lab.results import Row

PAPER: dict[str, object] = {"study": "rates", "paper": ["icml-cifar10-fixed"]}


def rows() -> list[Row]:
    found = []
    for seed, off in ((0, 0.0), (1, 0.02)):
        for variant, keep, kept, at, accuracy in (
            ("plain", None, None, None, 0.9),
            ("band", 0.5, 0.43, None, 0.8),
            ("energy", None, 0.3, 0.9, 0.7),
            ("energy", None, 0.4, 0.95, 0.75),
        ):
            found += [
                Row("rates", "digits", "lenet5", variant, seed, 3, keep, kept, metric, value, at=at)
                for metric, value in (
                    ("train_loss", 1.0),
                    ("test_accuracy", accuracy + off),
                    ("best_test_accuracy", accuracy + 2 * off),
                )
            ]
    return found


def test_lines_are_means_over_seeds_at_what_was_kept() -> None:
    lines = overlay.measured(rows(), "test_accuracy", "keep_measured")
    assert set(lines) == {"lenet5 digits", "lenet5 digits energy"}
    deviation = 0.02 / 2**0.5
    fixed = [(0.43, 0.81, deviation), (1.0, 0.91, deviation)]
    assert lines["lenet5 digits"] == [pytest.approx(point) for point in fixed]
    by_energy = [(0.3, 0.71, deviation), (0.4, 0.76, deviation)]
    assert lines["lenet5 digits energy"] == [pytest.approx(point) for point in by_energy]


def test_a_figure_of_energies_has_them_across() -> None:
    lines = overlay.measured(rows(), "test_accuracy", "energy")
    assert [x for x, _, _ in lines["lenet5 digits energy"]] == [0.9, 0.95]


def test_energies_stand_over_what_they_keep() -> None:
    lines = overlay.measured(rows(), "energy", "keep_measured")
    assert lines == {"lenet5 digits energy": [(0.3, pytest.approx(0.9), 0), (0.4, 0.95, 0)]}


def test_only_accuracies_are_called_the_best_of_all_epochs() -> None:
    for name, told in (("icml-cifar10-fixed", True), ("icml-cifar10-resources", False)):
        (note,) = overlay.of_papers({"paper": [name]})
        assert ("best of all epochs" in note) == told


def test_a_loss_that_is_no_number_is_told() -> None:
    lost = [replace(row, value=float("nan")) for row in rows() if row.metric == "train_loss"]
    assert any("Diverged" in note and "band seed 0" in note for note in notes.of_data(lost, {}))
    assert not any("Diverged" in note for note in notes.of_data(rows(), {}))


def test_settings_by_energy_have_a_line_each_and_validation_its_column() -> None:
    ((heads, *lines),) = table.tables(rows()).values()
    assert heads == ("keep", "measured", "seeds", "accuracy %", "at best validation %")
    assert [line[0] for line in lines] == ["plain", "0.5", "energy 0.9", "energy 0.95"]
    assert lines[2] == ("energy 0.9", "0.300", "2", "71.0 ± 1.4", "72.0 ± 2.8")


def directory(path: Path, stored: dict[str, object]) -> Path:
    path.mkdir()
    results.write(path / "results.csv", rows())
    files.write_yaml(path / "config.yaml", stored)
    files.write_yaml(path / "environment.yaml", {"torch": "2", "command": "passband study <x>"})
    return path


def test_the_page_shows_the_paper_and_the_command(tmp_path: Path) -> None:
    page = report.build(directory(tmp_path / "a", PAPER)).read_text()
    assert "Beside the paper" in page
    assert "paper: ResNet-18" in page
    assert "passband study &lt;x&gt;" in page
    assert list((tmp_path / "a" / "figures").glob("paper-*.svg"))


def test_several_runs_share_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = directory(tmp_path / "a", PAPER), directory(tmp_path / "b", {"study": "rates"})
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    page = tmp_path / "new" / "page.html"
    assert cli.main(["report", str(one), str(two), "--out", str(page)]) == 0
    text = page.read_text()
    assert text.count('<h2 class="run">') == 2
    ids = [part.split('"')[0] for part in text.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p in before} == before
    assert str(page) in capsys.readouterr().out
    assert cli.main(["report", str(one), str(two)]) == 2
    assert "say where with --out PAGE.html" in capsys.readouterr().err
