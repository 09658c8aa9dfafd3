"""A misspelt name of anything is answered by the nearest right one, in one line."""

from pathlib import Path

import pytest

from passband.lab import cli
from passband.spelling import meant

TRAIN = ["train", "--data", "digits", "--model", "lenet5", "--out", "OUT"]
STUDY = ["study", "rates", "--out", "OUT"]


@pytest.mark.parametrize(
    ("name", "known"), [("--json", "--version"), ("mod", "cmd"), ("post", "stop")]
)
def test_nothing_is_near(name: str, known: str) -> None:
    assert meant(name, [known]) == ""


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (["trian"], "train"),
        (["bench", "stop"], "step"),
        ([*TRAIN, "--kep", ".5"], "--keep"),
        ([*TRAIN, "--epoch", "3"], "--epochs"),
        (["train", "--dta", "digits"], "--data"),  # which is why --data is missing
        (["--debugg", "train"], "--debug"),
        ([*TRAIN, "--data", "digit"], "digits"),
        ([*TRAIN, "--data", "UCR:gunpoint"], "ucr:GunPoint"),
        ([*TRAIN, "--model", "lenet"], "lenet5"),
        ([*TRAIN, "--model", "spec_lenet_bn"], "spec_lenet5_bn"),
        ([*TRAIN, "--option", "with=2"], "width"),
        ([*TRAIN, "--option", "padding_mode=circlar"], "circular"),
        ([*TRAIN, "--keep", ".5", "--plan", "spatail"], "spatial"),
        ([*TRAIN, "--memory", "exakt"], "exact"),
        ([*TRAIN, "--optimizer", "adamm"], "adam"),
        ([*TRAIN, "--schedule", "cosin"], "cosine"),
        ([*TRAIN, "--augment", "crops"], "crop"),
        ([*TRAIN, "--noise-kind", "gausian"], "gaussian"),
        ([*TRAIN, "--recipe", "spechnet"], "specnet"),
        ([*TRAIN, "--preprocessing", "unti"], "unit"),
        ([*TRAIN, "--model", "mathh:tau"], "math"),
        ([*TRAIN, "--model", "math:tua"], "tau"),
        (["study", "rats", "--out", "OUT"], "rates"),
        (["study", "lst"], "list"),
        (["study", "icml-cifar10-fix", "--out", "OUT"], "icml-cifar10-fixed"),
        ([*STUDY, "--repeat", "3"], "--repeats"),
        (["study", "attacks", "--attacks", "fgsn", "--out", "OUT"], "fgsm"),
        (["study", "noise", "--noises", "gausian", "--out", "OUT"], "gaussian"),
        (["study", "corruptions", "--corruptions", "fogg", "--out", "OUT"], "fog"),
        (["study", "layers", "--budget-of", "tme", "--out", "OUT"], "time"),
        (["bench", "conv", "--group", "kernel", "--out", "OUT"], "kernels"),
        (["bench", "conv", "--case", "LeNet cov1", "--out", "OUT"], "LeNet conv1"),
        (["bench", "conv", "--dtype", "float23", "--out", "OUT"], "float32"),
        (["bench", "step", "--device", "cup", "--out", "OUT"], "cpu"),
        (["inspect", "resnet_18"], "resnet18"),
        (["inspect", "resnet81"], "resnet18"),
        (["inspect", "lenet5", "--cutof", ".5"], "--cutoff"),
        (["completion", "zssh"], "zsh"),
    ],
)
def test_a_misspelt_name(
    words: list[str], right: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert cli.main([str(out) if word == "OUT" else word for word in words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"; did you mean {right!r}?")
    assert not out.exists()
