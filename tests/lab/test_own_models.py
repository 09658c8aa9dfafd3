"""Models of the user's that do not fit, and images that are none: told in a line."""

from pathlib import Path

import pytest

from passband.lab import cli, files

MODELS = """
from torch import nn

def net(num_classes, in_channels, width=4):
    return nn.Sequential(nn.Conv2d(in_channels, width, 3), nn.Flatten(), nn.LazyLinear(num_classes))

def rgb(num_classes):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(num_classes))

def short(num_classes, in_channels):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(num_classes - 1))
"""
RUN = ["train", "--data", "digits", "--epochs", "1", "--accelerator", "cpu"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ill_fitting.py").write_text(MODELS)
    return tmp_path


@pytest.mark.parametrize(
    ("model", "more", "told"),
    [
        ("net", ["--option", "widht=4"], "ill_fitting:net has no option 'widht'; it takes width"),
        ("rgb", [], "model 'ill_fitting:rgb' does not take maps (2, 1, 8, 8) of 'digits': Given "),
        ("short", [], "returns logits (2, 10) for 'digits'; got (2, 9)"),
    ],
)
def test_a_model_that_does_not_fit_is_told_in_a_line(
    here: Path, capsys: pytest.CaptureFixture[str], model: str, more: list[str], told: str
) -> None:
    words = [*RUN, "--model", f"ill_fitting:{model}", *more, "--out", "run"]
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not (here / "run").exists()


def test_an_option_that_is_wrong_is_told_by_inspect_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["inspect", "lenet5", "--option", "activation=foo"]) == 2
    assert capsys.readouterr().err.startswith("passband: error: lenet5 has no option 'activation'")


def test_series_are_not_augmented_and_nothing_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    words = ["train", "--data", "ucr:GunPoint", "--model", "fcn", "--epochs", "1"]
    assert cli.main([*words, "--augment", "crop-flip", "--out", str(out)]) == 2
    told = "augment 'crop-flip' is for images, but 'ucr:GunPoint' holds series"
    assert told in capsys.readouterr().err
    assert not out.exists()


def test_a_studys_directory_is_no_trainings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files.write_yaml(tmp_path / "config.yaml", {"study": "rates", "base": []})
    words = [*RUN, "--model", "lenet5", "--out", str(tmp_path)]
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert said == (
        f"passband: error: {tmp_path} already holds the study rates, and this is a single "
        "training: choose another directory\n"
    )


def test_the_last_line_of_a_readers_traceback_is_the_error() -> None:
    said = (
        "Caught ValueError in DataLoader worker process 0.\nOriginal Traceback (most recent call "
        'last):\n  File "x", line 1\nValueError: images/3.png: not an image: it is text\n'
    )
    assert cli._one_line(ValueError(said)) == "images/3.png: not an image: it is text"
