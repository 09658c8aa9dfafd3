"""One network at many bands."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import passband as pb
from digits_run import config, weights
from passband.convert.layers import band_layers
from passband.lab import data, models, report, results
from passband.lab.callback import Callback
from passband.lab.loop import Loop
from passband.lab.studies.knob import KnobConfig, knob
from passband.lab.training import train


def study(out: Path, **given: Any) -> KnobConfig:
    settings = {"keep": (0.25,), "test_keep": (1.0, 0.25), "seeds": 1, "repeats": 2}
    return KnobConfig(**{"out": str(out), "base": (config(out, epochs=1),), **settings, **given})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    knob(study(out))
    return out


@pytest.mark.parametrize(("name", "variant"), [("plain", "plain"), ("keep0.05to1.0", "random")])
@pytest.mark.parametrize("at", [1.0, 0.25])
def test_each_position_is_the_weights_at_that_keep(
    finished: Path, name: str, variant: str, at: float
) -> None:
    net = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    net.load_state_dict(weights(finished / "runs" / f"digits-lenet5-{name}-seed0"))
    inputs, labels = data.load("digits").test[:]
    told = pb.convert_(net, pb.Band(keep=at), example=inputs)
    with torch.no_grad():
        right = (net(inputs).argmax(1) == labels).double().mean().item()
    (row,) = [
        row for row in results.read(finished / "results.csv")
        if (row.variant, row.metric, row.at) == (variant, "knob_accuracy", at)
    ]  # fmt: skip
    assert row.value == pytest.approx(right, abs=1.5 / len(labels))
    assert row.keep_measured == told.keep_measured


def test_latency_is_measured_once(finished: Path) -> None:
    rows = [row for row in results.read(finished / "results.csv") if row.metric.startswith("forw")]
    assert [(row.metric, row.at) for row in rows] == [
        ("forward_seconds", None), ("forward_seconds", 1.0), ("forward_ratio", 1.0),
        ("forward_seconds", 0.25), ("forward_ratio", 0.25),
    ]  # fmt: skip
    seconds = {row.at: row.value for row in rows if row.metric == "forward_seconds"}
    for row in rows:
        if row.metric == "forward_ratio":
            assert row.value == pytest.approx(seconds[row.at] / seconds[None])


def test_the_page_has_both_figures(finished: Path) -> None:
    assert report.build(finished).read_text().count("<svg") == 2


class Bands(Callback):
    def __init__(self) -> None:
        self.keeps: list[float] = []
        self.tested: list[float] = []

    def on_step_end(self, loop: Loop) -> None:
        self.keeps.append(self._keep(loop))

    def on_evaluation_start(self, loop: Loop) -> None:
        self.tested.append(self._keep(loop))

    @staticmethod
    def _keep(loop: Loop) -> float:
        (keep,) = {layer.band.keep for layer in band_layers(loop.model).values()}
        assert isinstance(keep, float)
        return keep


def test_a_random_band_is_drawn_for_each_step_and_tests_have_the_keep(tmp_path: Path) -> None:
    run = config(tmp_path / "run", epochs=2, keep=0.8, keep_least=0.2, validation=0.1)
    seen = Bands()
    result = train(run, callbacks=[seen])
    keeps = torch.tensor(seen.keeps, dtype=torch.float64)
    assert len(set(seen.keeps)) == len(keeps)
    assert 0.2 <= keeps.min() < 0.3
    assert 0.7 < keeps.max() <= 0.8
    assert keeps.mean().item() == pytest.approx(0.5, abs=0.1)
    assert seen.tested == [0.8, 0.8, 0.8, 0.8]  # two validations, the test, that of the best epoch
    assert result.config.variant == "random"

    class StopError(Exception):
        pass

    class Stop(Callback):
        def on_step_end(self, loop: Loop) -> None:
            if loop.epoch == 1:
                raise StopError

    again = replace(run, out=str(tmp_path / "again"))
    with pytest.raises(StopError):
        train(again, callbacks=[Stop()])
    rest = Bands()
    resumed = train(again, resume=True, callbacks=[rest])
    assert resumed.rows() == result.rows()
    assert rest.keeps == seen.keeps[len(seen.keeps) // 2 :]


@pytest.mark.parametrize(
    "given", [{"keep_least": 0.2}, {"keep_least": 0.5, "keep": 0.4},
              {"keep_least": 0.2, "keep": 0.4, "keep_start": 0.1}],
)  # fmt: skip
def test_the_least_keep_is_of_a_keep(tmp_path: Path, given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"keep_least is at most a keep that does not move; got"):
        config(tmp_path, **given)


def test_a_spectral_network_has_no_band_to_turn(tmp_path: Path) -> None:
    base = replace(config(tmp_path), model="spec_lenet5")
    with pytest.raises(ValueError, match="study knob is of bands, and model 'spec_lenet5'"):
        study(tmp_path, base=(base,))
