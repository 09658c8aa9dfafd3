from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import passband as pb
from digits_run import weights
from passband.lab import cli, data, models, report, results
from passband.lab.data import whole
from passband.lab.studies.first_maps import FirstMaps, first_maps
from passband.lab.studies.grid import Book
from passband.lab.studies.specnet_maps import MapsConfig, _accuracies, maps_of, specnet_maps
from spectral_run import base


def study(out: Path, **given: Any) -> MapsConfig:
    settings = {"out": str(out), "base": (base(out),), "beta": (0.02, 0.1), "channels": 3, **given}
    return MapsConfig(**settings)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    specnet_maps(study(out))
    return out


@pytest.fixture
def maps(finished: Path) -> FirstMaps:
    return FirstMaps.load(maps_of(finished, "digits", "spec_lenet5"))


def convolved(finished: Path) -> torch.Tensor:
    """What an ordinary convolution with the trained filters makes of the first test image."""
    net: Any = models.create_model("spec_lenet5", num_classes=10, in_channels=1, image_size=8)
    net.load_state_dict(weights(finished / "runs" / "digits-spec_lenet5-spec-seed0"))
    image = net.pad1(data.load("digits").test[:1][0])
    conv = next(m for m in net.modules() if getattr(m, "kernel_size", None) == (5, 5))
    with torch.no_grad():
        found: torch.Tensor = nn.functional.conv2d(image, conv.weight, conv.bias, padding=2)
    return found[0]


def test_without_a_threshold_the_maps_are_the_convolutions(finished: Path, maps: FirstMaps) -> None:
    plain = convolved(finished)
    energy = plain.flatten(1).square().sum(1)
    chosen = energy.argsort(descending=True)[:3].sort().values
    assert maps.beta == (0.0, 0.02, 0.1)
    assert np.allclose(maps.space[0], plain[chosen], atol=1e-5)


def test_spectra_are_those_of_the_maps(finished: Path, maps: FirstMaps) -> None:
    # The spectrum has a margin; where the convolution leaves none of it, it is that of the map.
    rows, columns = maps.spectrum.shape[-2:]
    image = data.load("digits").test[:1][0]
    net: Any = models.create_model("spec_lenet5", num_classes=10, in_channels=1, image_size=8)
    net.load_state_dict(weights(finished / "runs" / "digits-spec_lenet5-spec-seed0"))
    conv = next(m for m in net.modules() if getattr(m, "kernel_size", None) == (5, 5))
    with torch.no_grad():
        x = net.pad1(image)
        x = nn.functional.pad(x, (0, columns - x.shape[3], 0, rows - x.shape[2]))
        wrapped = nn.functional.pad(x, (2, 2, 2, 2), mode="circular")
        full = nn.functional.conv2d(wrapped, conv.weight, conv.bias)[0]
    expected = 20 * np.log10(np.abs(np.fft.fft2(full.double(), norm="ortho")) + 1)
    expected = np.fft.fftshift(expected, axes=(-2, -1))
    energy = convolved(finished).flatten(1).square().sum(1)
    chosen = energy.argsort(descending=True)[:3].sort().values.numpy()
    assert np.allclose(maps.spectrum[0], expected[chosen], atol=1e-4)
    kept = expected >= 20 * np.log10(0.1 + 1)
    assert np.array_equal(maps.spectrum[2] > 0, kept[chosen])


def test_rows_are_density_and_change(finished: Path, maps: FirstMaps) -> None:
    rows = results.read(finished / "results.csv")
    at = {(row.metric, row.beta): row.value for row in rows}
    assert at["map_change", 0.0] == 0
    assert at["density", 0.0] == 1
    first = maps.space[0].astype(np.float64)
    for index, beta in enumerate((0.02, 0.1), 1):
        change = np.linalg.norm(maps.space[index] - first) / np.linalg.norm(first)
        assert at["map_change", beta] == pytest.approx(change, rel=1e-6)
        assert 0 < at["density", beta] < 1
    assert at["map_change", 0.1] > at["map_change", 0.02]
    assert ("test_accuracy", None) in at


def test_accuracies_are_of_each_threshold(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    at = {(row.metric, row.beta): row.value for row in rows}
    book = Book(study(finished))
    (run,) = map(book.directory, book.study.base)
    model = book.trained(run)
    own = next(float(m.beta) for m in model.modules() if isinstance(m, pb.nn.Threshold))
    loaded = book.data(run)
    assert _accuracies(model, [own], loaded) == [at["test_accuracy", None]]
    pb.set_beta_(model, 0.1)
    x, labels = whole(loaded.test)
    with torch.no_grad():
        expected = float((model.eval()(x).argmax(1) == labels).float().mean())
    assert at["accuracy_at_beta", 0.1] == pytest.approx(expected, abs=1e-6)


def test_a_finished_study_repeats_nothing(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (finished / "results.csv").read_bytes()
    monkeypatch.setattr(
        "passband.lab.studies.task.train", lambda *a, **k: pytest.fail("was repeated")
    )
    specnet_maps(study(finished))
    assert (finished / "results.csv").read_bytes() == before


def test_the_figure_is_a_grid_of_images(finished: Path) -> None:
    page = report.build(finished).read_text()
    (figure,) = (finished / "figures").iterdir()
    drawn = figure.read_text()
    assert drawn.count("<image") == 3 * 2 * 3  # betas, spectrum and space, channels
    assert drawn.count("data:image/png;base64") == 18
    for words in ("beta 0.02", "beta 0.1", "spectrum", "space", "map 3", "100 % kept"):
        assert words in drawn
    assert page.count("<image") == 18
    (lines,) = report.tables(finished).values()
    assert [line[0] for line in lines] == ["beta", "0", "0.02", "0.1"]


def test_with_norm_they_are_the_norms() -> None:
    model = models.create_model("spec_lenet5_bn", num_classes=10, in_channels=1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = first_maps(model, torch.randn(1, 1, 28, 28), (0.0, 1.0), 2)
    assert found.density[0] == 1 > found.density[1] > 0
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_damaged_maps_are_named(tmp_path: Path) -> None:
    (tmp_path / "maps.npz").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"maps\.npz is damaged"):
        FirstMaps.load(tmp_path / "maps.npz")
    with pytest.raises(FileNotFoundError):
        FirstMaps.load(tmp_path / "none.npz")


def test_too_many_channels_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["study", "specnet-maps", "--data", "digits", "--model", "spec_lenet5", "--epochs", "1",
             "--batch-size", "512", "--channels", "7", "--out", str(tmp_path)]  # fmt: skip
    assert cli.main(words) == 2
    assert "the first layer has 6 channels; got channels=7" in capsys.readouterr().err
