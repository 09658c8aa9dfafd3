import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

import passband as pb
from digits_run import config, weights
from passband.lab import data, models, report, results
from passband.lab.results import Row
from passband.lab.studies import task
from passband.lab.studies.assignment import assign, layer_costs, plain_cost
from passband.lab.studies.layers import LAYERS, LayersConfig, layers

module = sys.modules[layers.__module__]
NAMES = ("conv1", "conv2")


def study(out: Path, **given: Any) -> LayersConfig:
    base = config(out, epochs=1, validation=0.2)
    told = {"out": str(out), "base": (base,), "keep": (0.5, 0.1), "budget_of": "bytes"}
    return LayersConfig(**{**told, **given})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    layers(study(out))
    return out


def of(rows: list[Row], metric: str) -> dict[tuple[str, float | None], float]:
    return {(row.variant, row.at): row.value for row in rows if row.metric == metric}


def test_each_layer_is_tried_alone_without_training(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    found = of(rows, "test_accuracy")
    tests = data.load("digits").test
    maps, labels = data.whole(tests)
    for name, keep in product(NAMES, (1.0, 0.5, 0.1)):
        model = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
        model.load_state_dict(weights(finished / "runs" / "digits-lenet5-plain-seed0"))
        pb.convert_(model, pb.Band(keep=1))
        pb.set_band_(model, {name: pb.Band(keep=keep)})
        with torch.no_grad():
            right = (model.eval()(maps).argmax(1) == labels).float().mean()
        assert found[name, keep] == pytest.approx(float(right), abs=2 / len(labels))


def test_costs_are_the_bytes_that_convolutions_hold(finished: Path) -> None:
    found = of(results.read(finished / "results.csv"), "cost")
    # What nn.Conv2d holds: images of 8x8, and 6 maps of 14x14 after the pooling.
    whole = 8 * 8 + 6 * 14 * 14
    assert found["conv1", 1.0] == pytest.approx(8 * 8 / whole)
    assert found["conv2", 1.0] == pytest.approx(6 * 14 * 14 / whole)
    assert found["conv2", 0.1] < found["conv2", 0.5] < found["conv2", 1.0]


def test_costs_are_of_the_lengths_that_train_and_over_the_plain_network() -> None:
    maps = data.first(data.load("digits").train, 32)[0]
    bands = {keep: pb.Band(keep=keep, fft_size="reference") for keep in (1.0, 0.25)}

    def fresh() -> torch.nn.Module:
        return models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)

    model = fresh()
    pb.convert_(model, bands[1.0], example=maps, plan="fft")
    costs = layer_costs(model, maps, bands, "time")
    for keep, band in bands.items():
        other = fresh()
        for row in pb.convert_(other, band, example=maps, plan="fft").converted:
            (plan,) = row.plans
            assert costs[row.name, keep] == plan.costs["fft"]
    # The plain network is the one whose convolutions PyTorch's own would compute.
    plain = plain_cost(fresh(), maps, "time")
    spatial = fresh()
    report = pb.convert_(spatial, pb.Band(keep=1), example=maps, plan="spatial")
    assert plain == sum(plan.costs["spatial"] for row in report.converted for plan in row.plans)
    assert plain < costs["conv1", 1.0] + costs["conv2", 1.0]


def test_what_was_chosen_is_trained_and_within_the_budget(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    chosen, costs = of(rows, "chosen_keep"), of(rows, "cost")
    keeps = [chosen[name, None] for name in NAMES]
    total = sum(costs[name, keep] for name, keep in zip(NAMES, keeps, strict=True))
    assert total <= 0.5
    assert of(rows, "relative_cost")["layers", None] == pytest.approx(total)
    (folder,) = (finished / "runs").glob("*layers*")
    assert f"layer_keeps:\n- {keeps[0]:g}" in (folder / "config.yaml").read_text().replace(
        "1.0", "1"
    )
    assert {row.variant for row in rows if row.metric == "relative_cost"} == {"layers", "band"}


def test_a_finished_study_repeats_nothing(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (finished / "results.csv").read_bytes()
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    monkeypatch.setattr(module, "accuracy", lambda *a: pytest.fail("was repeated"))
    layers(study(finished))
    assert (finished / "results.csv").read_bytes() == before


def test_a_study_stopped_while_it_tries_gives_the_same_table(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "accuracy", lambda *a: exec("raise KeyboardInterrupt"))
        with pytest.raises(KeyboardInterrupt):
            layers(study(tmp_path))
    layers(study(tmp_path))
    assert (tmp_path / "results.csv").read_bytes() == (finished / "results.csv").read_bytes()


COSTS = {("a", 1.0): 8.0, ("a", 0.5): 4.0, ("a", 0.1): 1.0, ("b", 1.0): 2.0, ("b", 0.5): 1.5,
         ("b", 0.1): 3.0}  # fmt: skip


def table(**lost: float) -> Mapping[tuple[str, float], float]:
    keeps = {"1": 1.0, "5": 0.5, "0": 0.1}
    return {
        (name, keep): 0.9 - lost.get(f"{name}{word}", 0)
        for name in ("a", "b")
        for word, keep in keeps.items()
    }


@pytest.mark.parametrize(
    ("lost", "budget", "wanted"),
    [
        ({}, 10, {"a": 1.0, "b": 1.0}),  # nothing to save
        ({"a5": 0.02, "a0": 0.2}, 6, {"a": 0.5, "b": 0.5}),  # b first: it loses nothing
        ({"a5": 0.02, "a0": 0.2, "b5": 0.01}, 6, {"a": 0.5, "b": 1.0}),  # .005 a unit, not .02
        ({"a5": 0.02, "a0": 0.02}, 8, {"a": 0.1, "b": 0.5}),  # all the way at the same price
        ({}, 0, {"a": 0.1, "b": 0.5}),  # never to a keep that costs more
    ],
)
def test_layers_are_narrowed_where_least_is_lost(
    lost: dict[str, float], budget: float, wanted: dict[str, float]
) -> None:
    assert assign(["a", "b"], [0.5, 0.1], COSTS, table(**lost), budget) == wanted


def test_its_page_has_tables_and_a_figure(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    trained, alone = LAYERS.tables(rows).values()
    assert [line[0] for line in trained[1:3]] == ["plain", "each layer its own"]
    assert [line[0] for line in alone[1:]] == list(NAMES)
    page = report.build(finished).read_text()
    assert "Accuracy lost by one layer alone" in page


def test_a_wrong_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="beside plain"):
        study(tmp_path, keep=(1.0,))
    with pytest.raises(ValueError, match="time, bytes; got 'watts'"):
        study(tmp_path, budget_of="watts")
    (base,) = study(tmp_path).base
    with pytest.raises(ValueError, match="validation 0"):
        study(tmp_path, base=(replace(base, validation=0.0),))
