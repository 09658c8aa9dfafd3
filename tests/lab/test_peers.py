import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import passband as pb
from digits_run import weights
from passband.lab import data, models, results
from passband.lab.config import TrainConfig
from passband.lab.results import Row
from passband.lab.studies import task
from passband.lab.studies.flops import flops
from passband.lab.studies.peer import narrow, peers, resized
from passband.lab.studies.peers import PEERS, PeersConfig, compare_peers
from passband.lab.training import load

module = sys.modules[compare_peers.__module__]
KEEP = 0.25


def base(out: Path, **given: Any) -> TrainConfig:
    settings = {"epochs": 1, "batch_size": 32, "learning_rate": 3e-3, "accelerator": "cpu",
                "limit": 64, "options": (("width", 0.25),)}  # fmt: skip
    return TrainConfig.recommended("digits", "resnet20", str(out), **{**settings, **given})


def study(out: Path, **given: Any) -> PeersConfig:
    told = {"out": str(out), "base": (base(out),), "keep": (KEEP,), "seeds": 1, "repeats": 1}
    return PeersConfig(**{**told, **given})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    compare_peers(study(out))
    return out


def value(rows: list[Row], variant: str, metric: str) -> float:
    (found,) = (row.value for row in rows if (row.variant, row.metric) == (variant, metric))
    return found


PEER_NAMES = ["plain", "band", "resized", "narrow", "strided", "blurpool", "bfloat16", "checkpoint",
              "policy", "exact"]  # fmt: skip


def test_the_table_has_every_peer_with_accuracy_and_costs(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    for metric in ("test_accuracy", "saved_bytes", "step_seconds", "step_ratio"):
        assert sorted(row.variant for row in rows if row.metric == metric) == sorted(PEER_NAMES)
    assert value(rows, "plain", "step_ratio") == 1
    for row in rows:
        assert row.keep == (KEEP if row.variant in ("band", "exact") else None)
        assert row.at == (KEEP if row.variant in ("resized", "narrow") else None)
        assert (row.keep_measured is None) == (row.keep is None)
    for mine, its in (
        ("checkpoint", "plain"),
        ("policy", "plain"),
        ("exact", "band"),
    ):  # the same training
        accuracies = {value(rows, name, "test_accuracy") for name in (mine, its)}
        assert len(accuracies) == 1
        assert value(rows, mine, "saved_bytes") < value(rows, its, "saved_bytes")


def test_a_peer_holds_what_its_network_holds(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    (folder,) = (finished / "runs").glob("*strided*")
    options = {"width": 0.25, "stem": "strided"}
    model = models.create_model("resnet20", num_classes=10, in_channels=1, **options)
    model.load_state_dict(weights(folder))
    maps, labels = data.first(data.load("digits").limited(64).train, 32)
    held = pb.memory.saved(lambda: nn.functional.cross_entropy(model.train()(maps), labels)).total
    # The allocator counts in steps of 64 bytes, and what autograd does not call saved.
    assert value(rows, "strided", "saved_bytes") == pytest.approx(held, rel=0.02)


def test_resized_maps_have_as_many_samples_as_the_band_keeps(tmp_path: Path) -> None:
    digits = base(tmp_path)
    peer = resized(digits, load, 0.25)
    assert (peer.size, peer.run.resize, peer.run.pad) == (4, 4, None)  # 16 of 64
    assert load(peer.run).space == (4, 4)
    padded = resized(replace(digits, pad=32), load, 0.1)  # 102.4 of 1024: 10 x 10 are nearest
    assert (padded.size, padded.run.resize, padded.run.pad) == (10, round(8 * 10 / 32), 10)
    series = TrainConfig.recommended("ucr:GunPoint", "fcn", str(tmp_path))
    assert resized(series, load, 0.1).size == 15  # of 150


def convolution_flops(width: float) -> int:
    model = models.create_model("resnet20", num_classes=10, in_channels=1, width=width)
    found = [0]

    def count(layer: Any, given: object, output: torch.Tensor) -> None:
        found[0] += 2 * output.numel() * layer.weight[0].numel()

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(count)
    model.eval()(torch.zeros(1, 1, 8, 8))
    assert isinstance(model.fc, nn.Linear)
    return found[0] + 2 * model.fc.weight.numel()


def test_operations_are_those_of_convolutions_and_logits(tmp_path: Path) -> None:
    assert flops(base(tmp_path), load(base(tmp_path))) == convolution_flops(0.25)


def test_the_narrow_network_has_the_nearest_operations(tmp_path: Path) -> None:
    whole = convolution_flops(1.0)
    run = base(tmp_path, options=(("padding_mode", "circular"),))
    peer = narrow(run, load, KEEP)
    widths = [number / 16 for number in range(1, 17)]
    nearest = min(widths, key=lambda one: abs(convolution_flops(one) - KEEP * whole))
    assert (peer.size, dict(peer.run.options)["width"]) == (nearest, nearest)
    assert dict(peer.run.options)["padding_mode"] == "circular"


def test_a_peer_that_a_network_cannot_be_is_left_out(tmp_path: Path) -> None:
    options = (("padding_mode", "circular"),)  # around images of 11 samples or more
    run = TrainConfig.recommended("digits", "lenet5", str(tmp_path), pad=16, options=options)
    names = [peer.name for peer in peers(run, load, [0.25])]
    assert names == ["plain", "band", "narrow", "bfloat16", "checkpoint", "policy", "exact"]


def test_a_finished_study_repeats_nothing(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (finished / "results.csv").read_bytes()
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    monkeypatch.setattr(module, "interleaved", lambda *a: pytest.fail("was repeated"))
    compare_peers(study(finished))
    assert (finished / "results.csv").read_bytes() == before


def test_a_study_stopped_before_its_costs_measures_them_alone(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = study(tmp_path, base=(base(tmp_path, limit=32),))
    with monkeypatch.context() as patch:
        patch.setattr(module, "interleaved", lambda *a: exec("raise KeyboardInterrupt"))
        with pytest.raises(KeyboardInterrupt):
            compare_peers(told)
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    rows = compare_peers(told)
    whole = results.read(finished / "results.csv")
    assert [(r.variant, r.metric) for r in rows] == [(r.variant, r.metric) for r in whole]


def test_its_table_and_figures_name_every_peer(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    ((title, lines),) = PEERS.tables(rows).items()
    assert title == "resnet20 on digits and its peers"
    names = [line[0] for line in lines[1:]]
    assert {"plain", "band, keep 0.25", "resized to 4", "checkpoint"} < set(names)
    assert len(names) == len(PEER_NAMES)
    (drawn,) = PEERS.figures(rows, finished).values()
    assert len(drawn) == 2
    for one in drawn:
        assert all(f"{number} {name}" in one.svg for number, name in enumerate(names, 1))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"keep": (None,)}, r"beside plain; got \(None,\)"),
        ({"keep": (2.0,)}, r"\(0, 1\]; got 2"),
        ({"repeats": 0}, "repeats is at least 1; got 0"),
    ],
)
def test_a_wrong_config_is_refused(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        study(tmp_path, **given)


def test_a_base_with_a_band_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"keep 0\.5"):
        study(tmp_path, base=(base(tmp_path, keep=0.5),))
