"""Files that somebody else wrote run no code, unless the user says so."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from passband.lab import cli

EVIL = """
from pathlib import Path
from torch import nn

Path("ran").touch()

def net(num_classes, in_channels):
    pooled = nn.Sequential(nn.Conv2d(in_channels, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return pooled.append(nn.Linear(4, num_classes))
"""
OWN = "study: rates\nabout: Not what it seems\n"
RATES = "{keep: [0.5], epochs: 1, limit: 64, repeats: 0, accelerator: cpu"
TRAIN = ["train", "--data", "digits", "--model", "lenet5", "--epochs", "1", "--out", "run"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a module that leaves a trace when it is imported."""
    monkeypatch.chdir(tmp_path)
    for name in ("planted", "timm"):
        (tmp_path / f"{name}.py").write_text(EVIL)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("data: [digits]\nmodel: ['planted:net']\n", "names code to run (planted:net)"),
        ("data: [digits]\nmodel: ['timm:net']\n", "names code to run (timm:net)"),
        ("data: ['planted:net']\nmodel: [lenet5]\n", "names code to run (planted:net)"),
        ("data: [digits]\noptions: {allow_imports: true}\nmodel: ['planted:net']\n",
         "names code to run (planted:net)"),
        # A shorter word, which is none, and a value that is a word of its own.
        ("data: [digits]\noptions: {mode: 'planted:net'}\n", "unknown option --mode"),
        ("data: [digits]\noptions: {epochs: [1, '--model=planted:net']}\n",
         "names code to run (planted:net)"),
        ("data: [digits]\nmodel: [lenet5]\nbundled: {data: ['planted:net']}\n",
         "names code to run (planted:net)"),
        ("options: {epochs: [1, '--out=elsewhere']}\n", "where to run (--out elsewhere)"),
        ("options: {ray: 'ray://somewhere:10001'}\n", "where to run (--ray ray://somewhere:10001)"),
    ],
)  # fmt: skip
def test_an_experiment_names_no_code(
    here: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    (here / "own.yaml").write_text(OWN + text)
    words = ["study", "own.yaml", "--out", "out", *(["--bundled"] if "bundled" in text else [])]
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not (here / "ran").exists()
    assert not (here / "out").exists()


def test_an_experiment_names_code_where_the_user_allows_it(
    here: Path,
) -> None:
    text = f"data: [digits]\nmodel: ['planted:net']\noptions: {RATES}}}\n"
    (here / "own.yaml").write_text(OWN + text)
    assert cli.main(["study", "own.yaml", "--out", "out", "--allow-imports"]) == 0
    assert (here / "ran").exists()


def test_what_the_user_types_in_its_place_is_enough(here: Path) -> None:
    text = f"data: [digits]\nmodel: ['planted:net']\noptions: {RATES}}}\n"
    (here / "own.yaml").write_text(OWN + text)
    assert cli.main(["study", "own.yaml", "--model", "lenet5", "--out", "out"]) == 0
    assert not (here / "ran").exists()


def test_a_run_directory_runs_no_code(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither its config, which names a module or YAML's own objects, nor its checkpoint."""
    assert cli.main([*TRAIN, "--limit", "64", "--accelerator", "cpu"]) == 0
    config = here / "run" / "config.yaml"
    text = config.read_text()
    for model in ("planted:net", "!!python/object/apply:pathlib.Path.touch [ran]"):
        config.write_text(text.replace("model: lenet5", f"model: {model}"))
        cli.main(["report", "run"])
        assert cli.main([*TRAIN, "--limit", "64", "--accelerator", "cpu", "--resume"]) == 2
        assert not (here / "ran").exists()


class _Planted:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("ran"),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_runs_no_code(
    here: Path, capsys: pytest.CaptureFixture[str], zipped: bool
) -> None:
    assert cli.main([*TRAIN, "--limit", "64", "--accelerator", "cpu"]) == 0
    checkpoint = here / "run" / "last.ckpt"
    if zipped:
        torch.save({"model": _Planted()}, checkpoint)
    else:
        checkpoint.write_bytes(pickle.dumps(_Planted()))
    capsys.readouterr()
    assert cli.main([*TRAIN, "--limit", "64", "--accelerator", "cpu", "--resume"]) == 2
    assert "run/last.ckpt is damaged or of another model" in capsys.readouterr().err
    assert not (here / "ran").exists()
