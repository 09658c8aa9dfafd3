"""`passband inspect`: what is told, in three formats, and what is wrong."""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import passband as pb
from passband.lab import cli, data
from passband.lab.inspect.formats import short, written
from passband.lab.models import create_model


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(["inspect", *words]) == 0
    return capsys.readouterr().out


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "lenet5", "--input-shape", "1x28x28", "--batch", "2", "--keep", "0.25")
    heading, first, *_, last = out.splitlines()
    assert heading.split() == [
        "layer", "type", "input", "output", "plan", "requested", "measured", "FLOPs", "saved",
    ]  # fmt: skip
    assert first.split()[:4] == ["conv1", "BandConv2d", "2x1x28x28", "2x6x28x28"]
    assert "keep=0.25" in first
    assert last.startswith("lenet5: ")
    assert "forward only" in last
    assert "bands keep 25." in last


def test_a_plain_model_has_no_columns_of_bands(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "fcn", "--batch", "2")
    assert "requested" not in out
    assert "2x1x150" in out  # series by default
    convolutions = 2 * 2 * 150 * (8 * 128 + 5 * 128 * 256 + 3 * 256 * 128)
    assert short(convolutions + 2 * 2 * 128 * 10) + " FLOPs" in out


def test_csv(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "cnn3d", "--batch", "1", "--modes", "3", "--csv")
    rows = [*csv.DictReader(io.StringIO(out))]
    assert rows[0]["input"] == "1x1x16x16x16"
    assert (rows[0]["plan"] != "", rows[0]["requested"]) == (True, "modes=3")
    assert float(rows[0]["keep"]) == pytest.approx(5 * 5 * 3 / (17 * 17 * 9))
    assert rows[1]["flops"] == ""
    assert int(rows[1]["saved_bytes"]) == 16 * 16**3 * 4 + 4 * 16 * 4  # and statistics


def test_json_of_data_has_energies_of_its_first_batch(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "new" / "lenet5.json"
    words = ["--data", "digits", "--batch", "16", "--keep", ".5", "--json"]
    assert run(capsys, "lenet5", *words, "--out", str(out)) == ""
    found = json.loads(out.read_text())
    assert found["model"] == "lenet5"
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert layers["conv1"]["input"] == [16, 1, 8, 8]
    assert layers["fc3"]["output"] == [16, 10]
    maps = data.first(data.load("digits").train, 16)[0].double().numpy()
    model = create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    report = pb.convert_(model, pb.Band(keep=0.5), example=torch.zeros(1, 1, 8, 8))
    geometry = report.rows[0].plans[0].geometry
    assert layers["conv1"]["energy"] == pytest.approx(
        energy(maps, geometry.lengths, geometry.modes)
    )
    assert layers["conv1"]["keep"] == pytest.approx(geometry.keep)
    assert layers["relu1"]["energy"] is None
    assert found["total"]["keep"] == pytest.approx(report.keep_measured)
    for key in ("flops", "saved_bytes"):
        assert found["total"][key] == sum(layer[key] or 0 for layer in found["layers"])


def energy(maps: object, lengths: tuple[int, ...], modes: tuple[int, ...]) -> float:
    power = np.abs(np.fft.fft2(np.asarray(maps), s=lengths)) ** 2
    rows, columns = (
        np.abs(np.fft.fftfreq(n, 1 / n)) < m for n, m in zip(lengths, modes, strict=True)
    )
    return float(power[:, :, rows[:, None] & columns].sum() / power.sum())


def test_a_band_by_energy_holds_it(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--data", "digits", "--batch", "8", "--energy", "0.8", "--json"]
    layers = json.loads(run(capsys, "lenet5", *words))["layers"]
    energies = [layer["energy"] for layer in layers if layer["keep"] is not None]
    assert len(energies) == 2
    assert all(0.8 <= one < 1 for one in energies)


def test_options_of_a_model_and_a_model_of_the_users(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = run(capsys, "resnet20", "--option", "width=0.5", "--batch", "1")
    assert "1x8x32x32" in narrow
    (tmp_path / "mine_inspected.py").write_text(
        "from torch import nn\n"
        "def net(in_channels, wide=3):\n"
        "    return nn.Conv1d(in_channels, wide, 1)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mine_inspected", raising=False)
    words = ["mine_inspected:net", "--input-shape", "2x9", "--option", "wide=5", "--batch", "1"]
    assert "1x5x9" in run(capsys, *words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "MODEL"),
        (["lenet6"], "unknown model 'lenet6'"),
        (["lenet5", "--data", "mnist-6k"], "unknown data 'mnist-6k'"),
        (["lenet5", "--data", "ucr:GunPoint"], "'lenet5' is for maps of 2 axes; got 1x150"),
        (["fcn", "--input-shape", "3x8x8"], "'fcn' is for maps of 1 axes; got 3x8x8"),
        (["fcn", "--input-shape", "3"], "as 3x32x32; got '3'"),
        (["fcn", "--input-shape", "3xa"], "as 3x32x32; got '3xa'"),
        (["fcn", "--input-shape", "3x0"], "of at least 1, as 3x32x32; got '3x0'"),
        (["fcn", "--batch", "0"], "batch is at least 1; got 0"),
        (["lenet5", "--keep", "2"], "2"),
        (["lenet5", "--keep", ".5", "--cutoff", ".5"], "not allowed with"),
        (["lenet5", "--plan", "dft"], "got 'dft' and no band"),
        (["lenet5", "--root", "x"], "got 'x' and no data"),
        (["lenet5", "--data", "digits", "--input-shape", "1x8x8"], "got 'digits' and 1x8x8"),
        (["spec_lenet5", "--keep", ".5"], "spectral: it has no convolution of maps to convert"),
        (["lenet5", "--csv", "--json"], "not allowed with"),
        (["mine_nowhere:net"], "there is no module mine_nowhere"),
    ],
)
def test_errors_are_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["inspect", *words]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (999, "999"), (1000, "1k"), (37_240_000, "37.2M"), (2e9, "2G")]
)
def test_short_counts(count: float, text: str) -> None:
    assert short(count) == text


def test_shapes_are_written_as_they_are_read() -> None:
    assert written((3, 32, 32)) == "3x32x32"
    assert written(None) == ""
