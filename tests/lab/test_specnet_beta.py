import math
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn

import passband as pb
from digits_run import weights
from passband.lab import data, models, report, results
from passband.lab.config import TrainConfig
from passband.lab.results import Row
from passband.lab.studies import task
from passband.lab.studies.specnet_beta import SPECNET_BETA, BetaConfig, relative_error, specnet_beta
from passband.lab.training import train
from spectral_run import base

module = sys.modules[specnet_beta.__module__]
BETAS = (0.3, 0.8)
UNTIMED = {"train_loss", "test_accuracy", "density", "saved_bytes", "relative_memory",
           "relative_error"}  # fmt: skip


def study(out: Path, **given: Any) -> BetaConfig:
    bases = base(out), base(out, "spec_lenet5_bn")
    return BetaConfig(
        **{"out": str(out), "base": bases, "beta": BETAS, "seeds": 1, "repeats": 2, **given}
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    specnet_beta(study(out))
    return out


def loss(net: nn.Module, maps: Tensor, labels: Tensor) -> Tensor:
    return nn.functional.cross_entropy(net(maps), labels)


def value(rows: list[Row], metric: str, model: str, beta: float | None) -> float:
    (found,) = (r.value for r in rows if (r.metric, r.model, r.beta) == (metric, model, beta))
    return found


def test_the_table_has_each_measurement_once(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    found = [(row.model, row.variant, row.beta, row.metric) for row in rows]
    spectral = [
        (name, "spec", beta) for name in ("spec_lenet5", "spec_lenet5_bn") for beta in BETAS
    ]
    metrics = UNTIMED | {"step_seconds", "step_ratio"}
    assert sorted(found, key=str) == sorted(
        [
            (*one, metric)
            for one in [("lenet5", "plain", None), *spectral]
            for metric in (metrics if one[1] == "spec" else metrics - {"density"})
        ],
        key=str,
    )
    assert {row.keep for row in rows} == {None}


def test_memory_is_that_of_the_trained_network(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    maps, labels = (part.clone() for part in data.load("digits").train[:256])
    held = {}
    for model, beta in (("lenet5", None), ("spec_lenet5", 0.3), ("spec_lenet5_bn", 0.8)):
        net = models.create_model(model, num_classes=10, in_channels=1, image_size=8)
        setting = "plain" if beta is None else f"beta{beta}"
        net.load_state_dict(weights(finished / "runs" / f"digits-{model}-{setting}-seed0"))
        held[model] = pb.memory.saved(partial(loss, net, maps, labels)).total
        assert value(rows, "saved_bytes", model, beta) == held[model]
        relative = held[model] / held["lenet5"]
        assert value(rows, "relative_memory", model, beta) == pytest.approx(relative)
    assert held["spec_lenet5"] < held["lenet5"]


def test_error_is_relative_to_plains(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    wrong = 1 - value(rows, "test_accuracy", "lenet5", None)
    assert wrong > 0
    for model in ("spec_lenet5", "spec_lenet5_bn"):
        for beta in BETAS:
            mine = 1 - value(rows, "test_accuracy", model, beta)
            assert value(rows, "relative_error", model, beta) == pytest.approx(mine / wrong)
    assert relative_error(1.0, 1.0) == 1
    assert relative_error(0.5, 1.0) == math.inf


def test_a_higher_threshold_keeps_less(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    for model, metric in (
        ("spec_lenet5", "density"),
        ("spec_lenet5", "relative_memory"),
        ("spec_lenet5_bn", "density"),
    ):
        low, high = (value(rows, metric, model, beta) for beta in BETAS)
        assert low > high
    # One convolution a stage, and no activation: nobody reads what is kept, only which.
    low, high = (value(rows, "relative_memory", "spec_lenet5_bn", beta) for beta in BETAS)
    assert low == high


def test_the_plain_network_is_trained_as_its_spectral_ones(finished: Path) -> None:
    runs = {path.name for path in (finished / "runs").iterdir()}
    assert runs == {"digits-lenet5-plain-seed0"} | {
        f"digits-{model}-beta{beta}-seed0"
        for model in ("spec_lenet5", "spec_lenet5_bn")
        for beta in BETAS
    }
    (config, *others) = (
        (path / "config.yaml").read_text().splitlines() for path in (finished / "runs").iterdir()
    )
    for other in others:
        differ = {line.split(":")[0] for line in set(config) ^ set(other)}
        assert differ <= {"model", "beta", "out"}


def test_a_stopped_study_goes_on(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, begun = train, list[str]()

    def stops(run: TrainConfig, **given: Any) -> Any:
        begun.append(run.out)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return real(run, **given)

    monkeypatch.setattr(task, "train", stops)
    with pytest.raises(KeyboardInterrupt):
        specnet_beta(study(tmp_path))
    rows = specnet_beta(study(tmp_path))
    assert len(begun) == 3 + 3
    assert not set(begun[:2]) & set(begun[3:])
    untimed = [row for row in rows if row.metric in UNTIMED]
    whole = results.read(finished / "results.csv")
    assert untimed == [row for row in whole if row.metric in UNTIMED]
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    monkeypatch.setattr(module, "costs", lambda *a, **k: pytest.fail("was repeated"))
    assert specnet_beta(study(tmp_path)) == rows


def test_figures_and_page_show_both_networks(finished: Path) -> None:
    page = report.build(finished).read_text()
    assert "lenet5 and its spectral forms on digits" in page
    names = {path.stem for path in (finished / "figures").iterdir()}
    kinds = ("relative_memory", "relative_error", "test_accuracy")
    assert names == {f"digits-lenet5-{kind}" for kind in kinds}
    for words in ("saved bytes ÷ plain's", "error ÷ plain's", "test accuracy, last epoch (%)",
                  ">beta</text>", ">spec_lenet5_bn</text>", ">plain</text>"):  # fmt: skip
        assert words in page
    assert page.count("<svg") == 3
    (lines,) = report.tables(finished).values()
    assert [line[:2] for line in lines] == [
        ("model", "beta"), ("plain", ""), ("spec_lenet5", "0.3"), ("spec_lenet5", "0.8"),
        ("spec_lenet5_bn", "0.3"), ("spec_lenet5_bn", "0.8"),
    ]  # fmt: skip


def test_a_single_beta_of_a_run_that_is_not_over_is_drawn(finished: Path) -> None:
    rows = [row for row in results.read(finished / "results.csv") if row.model == "lenet5"]
    assert SPECNET_BETA.tables(rows)
    assert not any(SPECNET_BETA.figures(rows, finished).values())
    infinite = [
        replace(row, value=math.inf) if row.metric == "relative_error" else row
        for row in results.read(finished / "results.csv")
    ]
    (drawn,) = SPECNET_BETA.figures(infinite, finished).values()
    assert len(drawn) == 3


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"beta": ()}, "beta is at least one threshold; got none"),
        ({"beta": (-1.0,)}, "beta is finite and at least 0; got -1.0"),
        ({"seeds": 0}, "seeds is at least 1; got 0"),
        ({"repeats": 0}, "repeats is at least 1; got 0"),
        ({"base": ()}, "got none"),
    ],
)
def test_a_wrong_config_is_refused(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        study(tmp_path, **given)


def test_wrong_networks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is of spectral networks, spec_lenet5, .*got .*'lenet5'"):
        study(tmp_path, base=(base(tmp_path, "lenet5"),))
    differing = base(tmp_path), base(tmp_path, "spec_lenet5_bn", epochs=2)
    with pytest.raises(ValueError, match="trained alike"):
        study(tmp_path, base=differing)
