"""What a run may be told beside data, model and keep."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import passband as pb
from digits_run import config, weights
from passband.lab import checkpoint, data, models, training
from passband.lab.batches import Batches
from passband.lab.callback import Callback
from passband.lab.config import TrainConfig
from passband.lab.data import first, gather, size, whole
from passband.lab.loop import Loop
from passband.lab.training import train


class KilledError(Exception):
    pass


class KillAfter(Callback):
    """Ends the process, as it were, in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch, self.batches = epoch, 4

    def on_step_end(self, loop: Loop) -> None:
        self.batches -= loop.epoch == self.epoch
        if not self.batches:
            raise KilledError


class Watched(Callback):
    """The rate, the bands and the weights of each epoch."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.keeps: list[Any] = []
        self.states: list[dict[str, Tensor]] = []

    def on_epoch_start(self, loop: Loop) -> None:
        self.rates.append(loop.optimizer.param_groups[0]["lr"])
        layers = [m for m in loop.model.modules() if isinstance(m, pb.nn.BandConv2d)]
        self.keeps.append({layer.keep for layer in layers})

    def on_epoch_end(self, loop: Loop) -> None:
        state = loop.model.state_dict()
        self.states.append({name: value.clone() for name, value in state.items()})


def measured(result: training.Result, metric: str) -> list[float]:
    return [one.value for one in result.measured if one.metric == metric]


def right(state: dict[str, Tensor], samples: data.Samples) -> float:
    model = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    model.load_state_dict(state)
    maps, labels = whole(samples)
    return float((model.eval()(maps).argmax(1) == labels).double().mean())


def test_validation_chooses_an_epoch_and_the_test_set_chooses_none(tmp_path: Path) -> None:
    run = config(tmp_path, epochs=5, learning_rate=2e-2, schedule="constant", validation=0.2)
    watched = Watched()
    result = train(run, callbacks=[watched])
    held = data.load("digits").hold_out(0.2)
    assert held.validation is not None
    by_hand = [right(state, held.validation) for state in watched.states]
    assert measured(result, "validation_accuracy") == pytest.approx(by_hand, abs=1e-6)
    best = by_hand.index(max(by_hand))
    (chosen,) = (one for one in result.measured if one.metric == "best_test_accuracy")
    assert chosen.epoch == best + 1
    assert chosen.value == pytest.approx(right(watched.states[best], held.test), abs=1e-6)
    assert result.test_accuracy == pytest.approx(right(watched.states[-1], held.test), abs=1e-6)
    last = weights(tmp_path)
    assert all(torch.equal(value, last[name]) for name, value in watched.states[-1].items())


CHOICES: list[dict[str, Any]] = [
    {"validation": 0.2, "epochs": 4},
    {"schedule": "plateau", "patience": 1, "factor": 0.5, "learning_rate": 3e-2, "epochs": 6},
    {"schedule": "halving", "epochs": 3},
    {"early_stop": 1, "learning_rate": 5e-2, "epochs": 8, "validation": 0.1},
    {"augment": "crop", "accumulate": 2},
    {"keep": 0.25, "keep_start": 1.0, "epochs": 4},
    {"keep": 0.5, "memory": "exact"},
    {"energy": 0.9},
]


@pytest.mark.parametrize("given", CHOICES, ids=lambda given: " ".join(map(str, given)))
def test_a_killed_run_goes_on_as_if_nothing_had_been(tmp_path: Path, given: dict[str, Any]) -> None:
    whole_run = train(config(tmp_path / "whole", **given))
    for epoch in (1, 2):
        out = tmp_path / str(epoch)
        with pytest.raises(KilledError):
            train(config(out, **given), callbacks=[KillAfter(epoch)])
        resumed = train(config(out, **given), resume=True)
        assert resumed.measured == whole_run.measured
        ours, theirs = weights(out), weights(tmp_path / "whole")
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_plateau_lowers_the_rate(tmp_path: Path) -> None:
    watched = Watched()
    run = config(tmp_path, schedule="plateau", patience=1, factor=0.5, learning_rate=0.1, epochs=8)
    result = train(run, callbacks=[watched])
    # By hand: after two epochs in a row that are no lower (by 0.01 %) than the lowest, half of it.
    rates, lowest, bad = [0.1], float("inf"), 0
    for loss in result.train_loss:
        lowest, bad = (loss, 0) if loss < lowest * (1 - 1e-4) else (lowest, bad + 1)
        rates.append(rates[-1] * (0.5 if bad > 1 else 1))
        bad = 0 if bad > 1 else bad
    assert watched.rates == pytest.approx(rates[:-1])
    assert rates[-1] < 0.1


def test_training_ends_early(tmp_path: Path) -> None:
    run = config(tmp_path, early_stop=2, learning_rate=5e-2, epochs=30, validation=0.1)
    result = train(run)
    losses = measured(result, "validation_loss")
    assert len(losses) < 30
    lowest = losses.index(min(losses))
    assert len(losses) == lowest + 3
    again = train(run, resume=True)
    assert again.measured == result.measured


def test_accumulated_gradients_make_one_step(tmp_path: Path) -> None:
    halves = config(tmp_path / "halves", batch_size=32, accumulate=2, limit=640, epochs=2)
    wholes = config(tmp_path / "wholes", batch_size=64, limit=640, epochs=2)
    for run in (halves, wholes):
        train(run)
    ours, theirs = weights(tmp_path / "halves"), weights(tmp_path / "wholes")
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=1e-4)


def test_a_band_moves_to_its_keep_by_half_of_the_epochs(tmp_path: Path) -> None:
    watched = Watched()
    run = config(tmp_path, keep=0.25, keep_start=1.0, epochs=4)
    result = train(run, callbacks=[watched])
    assert watched.keeps == [{1.0}, {0.625}, {0.25}, {0.25}]
    assert {row.variant for row in result.rows()} == {"shrink"}
    assert result.keep_measured == kept(pb.Band(keep=0.25))


def kept(band: pb.Band | dict[str, pb.Band]) -> float:
    model = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    example = first(data.load("digits").train, 2)[0]
    pb.convert_(model, pb.Band(keep=1.0))
    pb.set_band_(model, band)
    return pb.report(model, example).keep_measured


def test_each_layer_may_have_a_keep_of_its_own(tmp_path: Path) -> None:
    run = config(tmp_path, layer_keeps=(1.0, 0.25), fft_size="reference", epochs=1)
    result = train(run)
    names = [n for n, m in named_convolutions()]
    bands = [pb.Band(keep=keep, fft_size="reference") for keep in (1.0, 0.25)]
    assert result.keep_measured == kept(dict(zip(names, bands, strict=True)))
    with pytest.raises(ValueError, match=r"lenet5 has 2 convolutions .* got 3 layer_keeps"):
        train(replace(run, layer_keeps=(1.0, 0.5, 0.5), out=str(tmp_path / "x")))


def named_convolutions() -> list[tuple[str, torch.nn.Module]]:
    model = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    return [(n, m) for n, m in model.named_modules() if isinstance(m, torch.nn.Conv2d)]


def test_options_reach_the_model_and_sizes_the_data(tmp_path: Path) -> None:
    run = config(tmp_path, options=(("width", 0.5),), resize=10, pad=12, limit=64, epochs=1)
    loaded = training.load(run)
    assert (loaded.space, size(loaded.train)) == ((12, 12), 64)
    model, _ = training.build(run, loaded)
    first_layer = next(m for m in model.modules() if isinstance(m, torch.nn.Conv2d))
    assert first_layer.out_channels == 3
    train(run)


def test_a_policy_of_memory_changes_bytes_and_no_loss(tmp_path: Path) -> None:
    plain = train(config(tmp_path / "plain", epochs=1))
    exact = train(config(tmp_path / "exact", epochs=1, memory="exact"))
    assert exact.train_loss == pytest.approx(plain.train_loss, rel=1e-4)
    held = []
    for run in (plain.config, exact.config):
        model, _ = training.build(run, data.load("digits"))
        maps, labels = first(data.load("digits").train, 64)
        held.append(pb.memory.saved(partial(loss, model, maps, labels)).total)
    assert held[1] < 0.5 * held[0]


def loss(model: torch.nn.Module, maps: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(model(maps), labels)


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_the_samples(world: int) -> None:
    samples = data.load("digits").test
    shares = [Batches(samples, 50, rank=rank, world=world, seed=None) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    genuine = [
        index
        for share in shares
        for index in [i for batch in share for i in batch][: share.genuine]
    ]
    assert sorted(genuine) == list(range(size(samples)))


def test_gathering_is_what_one_by_one_is() -> None:
    samples = data.load("digits").hold_out(0.1).train
    maps, labels = gather(samples, [3, 1, 4])
    for position, index in enumerate([3, 1, 4]):
        assert torch.equal(maps[position], samples[index][0])
        assert labels[position] == samples[index][1]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"keep": 0.5, "energy": 0.9}, "a band is stated in one way; got keep 0.5, energy 0.9"),
        ({"keep_start": 0.5}, "keep_start leads to a keep; got 0.5 and no keep"),
        ({"energy": 1.5}, r"energy lies in \(0, 1\]; got 1.5"),
        ({"layer_keeps": (0.5, 0.0)}, r"layer_keeps\[1\] lies in \(0, 1\]; got 0.0"),
        ({"validation": 1.0}, "validation is at least 0 and below 1; got 1.0"),
        ({"augment": "mixup"}, "augment is one of none, crop, flip, crop-flip; got 'mixup'"),
        ({"memory": "all"}, "memory is one of exact, bf16, unchanged; got 'all'"),
        ({"fft_size": "big"}, "fft_size is one of minimal, fast, reference; got 'big'"),
        ({"early_stop": -1}, "early_stop is at least 0; got -1"),
        ({"limit": 0}, "limit is at least 1; got 0"),
    ],
)
def test_bad_choices_are_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        TrainConfig.recommended("digits", "lenet5", "x", **given)


def test_more_than_there_is_cannot_be_limited(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="digits: 1433 samples to train on; got a limit of 2000"):
        train(config(tmp_path / "x", limit=2000))
    assert not (tmp_path / "x" / checkpoint.FILE_NAME).exists()
