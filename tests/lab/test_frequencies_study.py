"""Networks looked at frequency by frequency, against the analyses called by hand."""

from pathlib import Path
from typing import Any

import pytest

import passband as pb
from digits_run import config, weights
from passband.lab import data, models, report, results
from passband.lab.data import gather, size
from passband.lab.results import Row
from passband.lab.studies.frequencies import FrequenciesConfig, frequencies
from passband.lab.studies.frequencies_shown import frequencies_tables

SAMPLES = 40


def study(out: Path, **given: Any) -> FrequenciesConfig:
    settings = {"keep": (0.25,), "seeds": 1, "samples": SAMPLES, "input_keep": (1.0, 0.25)}
    return FrequenciesConfig(
        **{"out": str(out), "base": (config(out, epochs=1),), **settings, **given}
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    frequencies(study(out))
    return out


@pytest.mark.parametrize(("name", "keep"), [("plain", None), ("keep0.25", 0.25)])
def test_rows_are_what_the_analyses_say(finished: Path, name: str, keep: float | None) -> None:
    digits = data.load("digits")
    chosen = [n * size(digits.test) // SAMPLES for n in range(SAMPLES)]
    batches = [gather(digits.test, chosen)]
    net = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    net.load_state_dict(weights(finished / "runs" / f"digits-lenet5-{name}-seed0"))
    if keep is not None:
        pb.convert_(net, pb.Band(keep=keep))
    mine = {
        (row.metric, row.at): row.value
        for row in results.read(finished / "results.csv")
        if row.keep == keep
    }
    # A wave of deviation 1 over 64 places has the norm 8.
    heat = pb.analysis.fourier_heatmap(net, batches, norm=8.0).error
    waves = [metric for metric, _ in mine if metric.startswith("heat/")]
    assert len(waves) == (64 + 4) // 2  # four of 64 are their own mirror images
    for metric in waves:
        k, m = (int(text) for text in metric.split("/")[1:])
        assert mine[metric, None] == pytest.approx(heat[4 + k, 4 + m].item(), abs=1.5 / SAMPLES)
    for metric, high in (("low_accuracy", False), ("high_accuracy", True)):
        found = pb.analysis.band_accuracy(net, batches, (1.0, 0.25), high=high).accuracies
        for at, accuracy in zip((1.0, 0.25), found, strict=True):
            assert mine[metric, at] == pytest.approx(float(accuracy), abs=1.5 / SAMPLES)


def test_the_page_has_the_maps_and_both_curves(finished: Path) -> None:
    assert report.build(finished).read_text().count("<svg") == 3


def test_a_ring_is_the_mean_of_its_frequencies() -> None:
    # Of 4 x 4 frequencies, -2 is Nyquist; (0, 1) and (1, 0) have radius 1/2, (1, 1) has .71.
    errors = {"0/0": 0.1, "0/1": 0.2, "1/0": 0.4, "1/1": 0.6, "1/-1": 0.8, "-2/0": 0.5, "0/-2": 0.7}
    rows = [
        Row("frequencies", "d", "m", "plain", 0, 1, None, None, f"heat/{wave}", error)
        for wave, error in errors.items()
    ]
    table = next(iter(frequencies_tables(rows).values()))
    assert table[0][1:] == ("0 to 0.125", "0.125 to 0.25", "0.25 to 0.5", "0.5 to 1", "1 and up")
    assert table[1] == ("plain", "10.0", "", "", "50.0", "60.0")  # (.2 + .4 + .6 + .8) / 4


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"sigma": 0.0}, "sigma is finite and above 0; got 0.0"),
        ({"input_keep": ()}, "input_keep is one or more"),
        ({"input_keep": (2.0,)}, "input_keep.*got 2.0"),
    ],
)
def test_a_wrong_config_is_refused(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        study(tmp_path, **given)
