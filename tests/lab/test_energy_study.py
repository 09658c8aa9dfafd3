from pathlib import Path
from typing import Any

import pytest
import torch

import passband as pb
from digits_run import config, weights
from passband.lab import data, models, overlay, report, results
from passband.lab.results import Row
from passband.lab.studies import task
from passband.lab.studies.energy import EnergyConfig, energy
from passband.lab.studies.energy_shown import energy_tables
from passband.lab.training import train

SHARE = 0.9


def study(out: Path, **given: Any) -> EnergyConfig:
    base = config(out, epochs=2)
    return EnergyConfig(
        **{"out": str(out), "base": (base,), "energy": (SHARE,), "seeds": 1, **given}
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    energy(study(out))
    return out


def values(rows: list[Row], metric: str, at: float | None = SHARE) -> dict[int | None, float]:
    return {row.epoch: row.value for row in rows if (row.metric, row.at) == (metric, at)}


def test_every_epoch_is_looked_at(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    for metric in ("keep_measured", "keep_measured/conv1", "keep_measured/conv2"):
        assert list(values(rows, metric)) == [0, 1, 2]
        assert not values(rows, metric, None)
    for at in (None, SHARE):
        assert sorted(e or 0 for e in values(rows, "test_accuracy", at)) == [0, 1, 2]
        assert list(values(rows, "train_loss", at)) == [1, 2]
    assert {row.variant for row in rows} == {"plain", "energy"}


def smallest(maps: torch.Tensor, padded: tuple[int, int]) -> float:
    """Share of the half spectrum in the least square band that holds the energy."""
    spectrum = torch.fft.rfft2(maps.double(), s=padded).abs().square().sum((0, 1))
    weight = torch.full_like(spectrum, 2)  # mirrored bins, but for the first and the last column
    weight[:, 0] = 1
    if padded[1] % 2 == 0:
        weight[:, -1] = 1
    power, total = weight * spectrum, float((weight * spectrum).sum())
    rows = torch.fft.fftfreq(padded[0], 1 / padded[0], dtype=torch.float64).abs().round()
    columns = torch.arange(spectrum.shape[1])
    for reach in range(max(padded)):
        inside = (rows[:, None] <= reach) & (columns[None] <= reach)
        if float(power[inside].sum()) >= SHARE * total:
            return float(inside.double().mean())
    raise AssertionError


@pytest.mark.parametrize("epoch", [0, 2])
def test_what_is_kept_holds_the_energy_of_the_layers_input(finished: Path, epoch: int) -> None:
    rows = results.read(finished / "results.csv")
    torch.manual_seed(0)
    net: Any = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    if epoch:
        net.load_state_dict(weights(finished / "runs" / "digits-lenet5-energy0.9-seed0"))
    inputs = data.load("digits").test[:512][0]
    # The first layer: 8 samples between 12 zeros; a ring of 20 is enough.
    assert values(rows, "keep_measured/conv1")[epoch] == pytest.approx(smallest(inputs, (20, 20)))
    pb.convert_(net, pb.Band(energy=SHARE, dynamic=True), example=inputs)
    with torch.no_grad():
        second = net[:3](inputs)
    wanted = smallest(second, tuple(second.shape[2:]))
    assert values(rows, "keep_measured/conv2")[epoch] == pytest.approx(wanted)


def test_all_layers_together_are_weighted_by_channels(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    one, two = (values(rows, f"keep_measured/conv{n}")[2] for n in (1, 2))
    half = (20 * 11, 6 * 14 * 8)  # coefficients of each layer's input
    wanted = (half[0] * one + half[1] * two) / sum(half)
    assert values(rows, "keep_measured")[2] == pytest.approx(wanted)
    own = {row.keep_measured for row in rows if row.metric == "train_loss" and row.at}
    assert own == {values(rows, "keep_measured")[2]}


def test_looking_changes_no_training(finished: Path, tmp_path: Path) -> None:
    rows = results.read(finished / "results.csv")
    alone = train(config(tmp_path, epochs=2, energy=SHARE))
    assert tuple(values(rows, "train_loss").values()) == alone.train_loss
    assert values(rows, "test_accuracy")[2] == alone.test_accuracy


def test_a_study_stopped_between_epochs_has_all_of_them(finished: Path, tmp_path: Path) -> None:
    def stop(done: float, doing: str) -> None:
        if "energy" in doing and done > 0.9:  # at the end of its second epoch, which is lost
            raise InterruptedError

    with pytest.raises(InterruptedError):
        energy(study(tmp_path), stop)
    assert energy(study(tmp_path)) == results.read(finished / "results.csv")


def test_a_finished_study_repeats_nothing(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (finished / "results.csv").read_bytes()
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    energy(study(finished))
    assert (finished / "results.csv").read_bytes() == before


def test_tables_and_figures_show_the_epochs(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    whole, layers = energy_tables(rows).values()
    kept = values(rows, "keep_measured")
    assert whole[2][:5] == ("0.9", "1", *(f"{100 * kept[epoch]:.1f}" for epoch in (0, 1, 2)))
    assert [line[0] for line in layers] == ["layer", "conv1", "conv2"]
    second = values(rows, "keep_measured/conv2")
    assert layers[2][1] == " → ".join(f"{100 * second[epoch]:.1f}" for epoch in (0, 1, 2))
    page = report.build(finished).read_text()
    names = {path.stem for path in (finished / "figures").iterdir()}
    assert names == {
        "digits-lenet5-kept", "digits-lenet5-by-epoch-test_accuracy",
        "digits-lenet5-kept-by-layer-0.9",
    }  # fmt: skip
    for words in ("energy 0.9", ">compression (%)</text>", ">conv2</text>", ">plain</text>"):
        assert words in page


def test_beside_the_papers_figure_it_is_by_epoch(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    ((_, line),) = overlay.measured(rows, "keep_measured", "epoch").items()
    assert {x: y for x, y, _ in line} == values(rows, "keep_measured")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"energy": ()}, "at least one share"),
        ({"energy": (1.5,)}, "energy"),
        ({"seeds": 0}, "seeds is at least 1"),
    ],
)
def test_a_wrong_config_is_refused(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        study(tmp_path, **given)
