from pathlib import Path
from typing import Any

import pytest
import torch

import passband as pb
from digits_run import config, weights
from passband.lab import data, models, report, results
from passband.lab.config import TrainConfig
from passband.lab.results import Row
from passband.lab.studies import task
from passband.lab.studies.spectra import SpectraConfig, spectra
from passband.lab.studies.spectra_shown import mean_frequency, spectra_tables
from passband.lab.training import train

KEEP = 0.5


def study(out: Path, **given: Any) -> SpectraConfig:
    base = config(out, epochs=2)
    return SpectraConfig(
        **{"out": str(out), "base": (base,), "keep": (None, KEEP), "seeds": 1, **given}
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    spectra(study(out))
    return out


def rows_of(finished: Path) -> list[Row]:
    return results.read(finished / "results.csv")


def curve(rows: list[Row], of: str, epoch: int, keep: float | None) -> dict[float, float]:
    return {
        float(row.metric.rpartition("/")[2]): row.value
        for row in rows
        if row.metric.rpartition("/")[0] == of and (row.epoch, row.keep) == (epoch, keep)
    }


@pytest.mark.parametrize("keep", [None, KEEP])
@pytest.mark.parametrize("epoch", [0, 2])
def test_each_look_is_layer_spectra_by_hand(finished: Path, epoch: int, keep: float | None) -> None:
    torch.manual_seed(0)
    net: Any = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    if epoch:
        folder = "plain" if keep is None else f"keep{keep}"
        net.load_state_dict(weights(finished / "runs" / f"digits-lenet5-{folder}-seed0"))
    if keep is not None:
        pb.convert_(net, pb.Band(keep=keep))
    found = pb.analysis.layer_spectra(net, data.load("digits").test[:512][0])
    for layer in ("conv1", "conv2"):
        kinds = {"weights": found[layer].weights, "activations": found[layer].outputs}
        for kind, wanted in kinds.items():
            measured = curve(rows_of(finished), f"{kind}/{layer}", epoch, keep)
            assert list(measured) == pytest.approx(wanted.frequencies.tolist(), abs=1e-4)
            assert list(measured.values()) == pytest.approx(wanted.energy.tolist(), rel=1e-4)
            assert mean_frequency(measured) == pytest.approx(wanted.mean_frequency, abs=1e-4)


def test_every_epoch_is_looked_at(finished: Path) -> None:
    rows = rows_of(finished)
    for keep in (None, KEEP):
        for metric in ("test_accuracy", "weights/conv1/0.0000", "activations/conv2/1.0000"):
            mine = [row.epoch or 0 for row in rows if (row.metric, row.keep) == (metric, keep)]
            assert sorted(mine) == [0, 1, 2]
    assert {row.variant for row in rows} == {"plain", "band"}


def test_looking_changes_no_training(finished: Path, tmp_path: Path) -> None:
    rows = rows_of(finished)
    alone = train(config(tmp_path, epochs=2, keep=KEEP))
    mine = [row.value for row in rows if (row.metric, row.keep) == ("train_loss", KEEP)]
    assert tuple(mine) == alone.train_loss


def test_a_finished_study_repeats_nothing(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (finished / "results.csv").read_bytes()
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    spectra(study(finished))
    assert (finished / "results.csv").read_bytes() == before


def test_tables_and_figures_show_the_epochs(finished: Path) -> None:
    rows = rows_of(finished)
    whole, layers = spectra_tables(rows).values()
    assert [line[0] for line in whole] == ["network", "plain", "keep 0.5"]
    assert [line[0] for line in layers] == ["layer", "conv1", "conv2"]
    assert layers[0][1:] == (
        "weights, plain", "weights, keep 0.5", "activations, plain", "activations, keep 0.5"
    )  # fmt: skip
    curves = [curve(rows, "activations/conv2", epoch, KEEP) for epoch in (0, 1, 2)]
    means = [sum(f * e for f, e in one.items()) / sum(one.values()) for one in curves]
    assert layers[2][4] == " → ".join(f"{100 * mean:.1f}" for mean in means)
    page = report.build(finished).read_text()
    names = {path.stem for path in (finished / "figures").iterdir()}
    nets = ("plain", "keep_0.5")
    kinds = ("weights", "activations")
    assert names == {
        "digits-lenet5-by-epoch-test_accuracy",
        *(f"digits-lenet5-mean-frequency-{kind}-{net}" for kind in kinds for net in nets),
        *(
            f"digits-lenet5-spectrum-{kind}-{layer}-{net}"
            for kind in kinds for layer in ("conv1", "conv2") for net in nets
        ),
    }  # fmt: skip
    for words in (">conv2</text>", ">epoch 2</text>", ">frequency (% of Nyquist)</text>"):
        assert words in page


def row(metric: str, value: float, epoch: int = 0) -> Row:
    return Row("spectra", "d", "m", "plain", 0, epoch, None, None, metric, value)


def test_layers_without_energy_and_many_layers_are_shown(tmp_path: Path) -> None:
    from passband.lab.studies.spectra_shown import spectra_figures

    rows = [
        row(f"{kind}/layer.{n}/{frequency}", float(n > 0), epoch)
        for epoch in (0, 1)
        for n in range(9)
        for kind in ("weights", "activations")
        for frequency in ("0.0000", "0.5000")
    ]
    rows.append(row("test_accuracy", 0.5, 1))
    _, layers = spectra_tables(rows).values()
    assert layers[1] == ("layer.0", "nan → nan", "nan → nan")
    assert layers[2] == ("layer.1", "25.0 → 25.0", "25.0 → 25.0")
    _, drawn = spectra_figures(rows, tmp_path).values()
    curves = [one.name for one in drawn if "-spectrum-weights-" in one.name]
    assert curves == [f"d-m-spectrum-weights-layer.{n}-plain" for n in (0, 2, 5, 8)]


def test_a_spectral_network_is_looked_at_in_its_spectra(tmp_path: Path) -> None:
    base = TrainConfig.recommended(
        "digits", "spec_lenet5", str(tmp_path), epochs=1, limit=64, accelerator="cpu"
    )
    rows = spectra(study(tmp_path, base=(base,), keep=(None,)))
    assert sum(curve(rows, "activations/stage1.block1.conv", 0, None).values()) > 0


@pytest.mark.parametrize(
    ("given", "told"),
    [({"keep": (1.5,)}, "1.5"), ({"seeds": 0}, "seeds is at least 1")],
)
def test_a_wrong_config_is_refused(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        study(tmp_path, **given)
