import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import passband as pb
from digits_run import config, weights
from passband.convert.layers import band_layers
from passband.functional import plan
from passband.lab import data, files, models, results
from passband.lab.callback import Callback
from passband.lab.data import whole
from passband.lab.loop import Loop
from passband.lab.optimization import make_optimizer, make_schedule
from passband.lab.training import Result, build, train


class CountSteps(Callback):
    def __init__(self) -> None:
        self.steps = 0

    def on_step_end(self, loop: Loop) -> None:
        self.steps += 1


def test_the_accuracy_is_the_last_checkpoints(finished_run: Result) -> None:
    model = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    model.load_state_dict(weights(Path(finished_run.config.out)))
    digits = data.load("digits")
    maps, labels = whole(digits.test)
    report = pb.convert_(model, pb.Band(keep=0.5), example=maps[:1])
    right = (model.eval()(maps).argmax(1) == labels).sum().item()
    assert finished_run.test_accuracy == pytest.approx(right / len(labels), abs=1e-6)
    assert finished_run.keep_measured == report.keep_measured
    assert finished_run.test_accuracy > 0.5


def test_the_first_loss_is_what_a_plain_loop_finds(tmp_path: Path) -> None:
    one = replace(config(tmp_path, epochs=1, schedule="constant"), batch_size=2000)
    result = train(one)
    torch.manual_seed(0)
    model = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    maps, labels = whole(data.load("digits").train)
    loss = torch.nn.functional.cross_entropy(model(maps), labels).item()
    assert result.train_loss == pytest.approx((loss,), rel=1e-5)


@pytest.mark.parametrize(("size", "batch", "steps"), [(9, 4, 2), (10, 4, 3), (3, 1, 3), (1, 4, 1)])
def test_a_last_batch_of_a_single_sample_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, batch: int, steps: int
) -> None:
    digits = data.load("digits")
    few = torch.utils.data.TensorDataset(*digits.train[:size])
    monkeypatch.setattr(data, "load", lambda name, **given: replace(digits, train=few))
    counted = CountSteps()
    one = config(tmp_path, epochs=1, batch_size=batch)
    train(one, callbacks=[counted])
    assert counted.steps == steps


def test_batch_norm_meets_no_batch_of_a_single_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = data.load("digits")
    few = torch.utils.data.TensorDataset(*digits.train[:9])
    monkeypatch.setattr(data, "load", lambda name, **given: replace(digits, train=few))
    # Maps of 8x8 are 1x1 in the last stage of this model.
    run = replace(config(tmp_path, epochs=1, batch_size=4), model="resnet18")
    assert len(train(run).train_loss) == 1


def test_the_run_directory_holds_the_run(finished_run: Result) -> None:
    out = Path(finished_run.config.out)
    assert {p.name for p in out.iterdir()} == {
        "config.yaml", "environment.yaml", "last.ckpt", "model.json", "model.safetensors",
        "results.csv",
    }  # fmt: skip
    written = files.read_yaml(out / "config.yaml")
    assert (written["data"], written["model"], written["keep"]) == ("digits", "lenet5", 0.5)
    environment = files.read_yaml(out / "environment.yaml")
    assert environment["torch"] == torch.__version__
    assert environment["samples"] == {"digits": {"train": 1433, "test": 364}}
    rows = results.read(out / "results.csv")
    assert rows == finished_run.rows()
    assert [(row.metric, row.epoch) for row in rows] == [
        ("train_loss", 1), ("train_loss", 2), ("train_loss", 3), ("test_accuracy", 3),
    ]  # fmt: skip


def test_the_same_seed_gives_the_same_bits(finished_run: Result, tmp_path: Path) -> None:
    again = train(config(tmp_path, keep=0.5))
    assert again.rows() == finished_run.rows()
    other = train(config(tmp_path / "other", keep=0.5, seed=1))
    assert other.train_loss != finished_run.train_loss


def test_keep_one_learns_as_plain(tmp_path: Path) -> None:
    plain = train(config(tmp_path / "plain"))
    whole = train(config(tmp_path / "whole", keep=1.0))
    assert whole.train_loss == pytest.approx(plain.train_loss, rel=1e-3)
    assert whole.keep_measured == 1
    assert plain.keep_measured is None


def test_the_test_set_has_no_part_in_training(
    finished_run: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = data.load("digits")
    maps, labels = whole(digits.test)
    shuffled = torch.utils.data.TensorDataset(maps.flip(0) * 3, labels)
    monkeypatch.setattr(data, "load", lambda name, **given: replace(digits, test=shuffled))
    other = train(config(tmp_path, keep=0.5))
    assert other.train_loss == finished_run.train_loss
    assert other.test_accuracy != finished_run.test_accuracy


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"data": "mnist-6k"}, "unknown data 'mnist-6k'"),
        ({"model": "lenet6"}, "unknown model 'lenet6'"),
        (
            {"data": "ucr:GunPoint"},
            r"'lenet5' is for images, but 'ucr:GunPoint' holds series \(1, 150",
        ),
        ({"model": "fcn"}, r"'fcn' is for series, but 'digits' holds images \(1, 8, 8\)"),
        ({"model": "unet"}, "'unet' returns logits for each pixel, but 'digits' has one label"),
        ({"precision": "31-true"}, "31-true"),
        ({"strategy": "hope"}, "hope"),
    ],
)
def test_a_run_that_cannot_start_leaves_nothing(
    tmp_path: Path, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        train(replace(config(tmp_path / "new"), **given))
    assert not (tmp_path / "new").exists()


def test_a_model_of_the_users_trains_as_the_laboratorys(
    finished_run: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It takes image_size, which is then given to it as to lenet5.
    (tmp_path / "mine_trained.py").write_text("""
from passband.lab.models import create_model

def net(num_classes, in_channels, image_size=28):
    sizes = {"num_classes": num_classes, "in_channels": in_channels}
    return create_model("lenet5", **sizes, image_size=image_size)
""")
    monkeypatch.chdir(tmp_path)
    run = replace(config(tmp_path / "new", keep=0.5), model="mine_trained:net")
    result = train(run)
    assert result.train_loss == finished_run.train_loss
    assert result.test_accuracy == finished_run.test_accuracy


def test_a_volume_network_is_not_for_images(tmp_path: Path) -> None:
    run = replace(config(tmp_path / "new"), model="cnn3d")
    with pytest.raises(ValueError, match=r"'cnn3d' is for volumes, but 'digits' holds images"):
        train(run)


def test_two_processes_learn_as_one(tmp_path: Path) -> None:
    # Of an odd count two processes repeat one sample in training; in tests none counts twice.
    given: dict[str, Any] = {"epochs": 2, "limit": 1408, "validation": 0.1}
    one = train(config(tmp_path / "one", **given))
    words = [
        "train", "--data", "digits", "--model", "lenet5", "--epochs", "2", "--lr", "3e-3",
        "--batch-size", "32", "--limit", "1408", "--validation", ".1", "--out",
        str(tmp_path / "two"), "--accelerator", "cpu", "--devices", "2", "--strategy", "ddp",
    ]  # fmt: skip
    subprocess.run(
        [sys.executable, "-m", "passband", *words],
        check=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    theirs = results.read(tmp_path / "two" / "results.csv")
    ours = one.rows()
    assert [(row.metric, row.epoch) for row in theirs] == [(row.metric, row.epoch) for row in ours]
    for row, wanted in zip(theirs, ours, strict=True):
        assert row.value == pytest.approx(wanted.value, rel=2e-3), row
    mine = weights(tmp_path / "one")
    last = weights(tmp_path / "two")
    for name, value in last.items():
        torch.testing.assert_close(value, mine[name], rtol=1e-2, atol=1e-3)
    left = models.load_model(tmp_path / "two" / "model.safetensors").state_dict()
    assert all(torch.equal(left[name], value) for name, value in last.items())


def test_a_rate_halved_every_50_epochs(tmp_path: Path) -> None:
    run = config(tmp_path, schedule="halving", optimizer="sgd", learning_rate=0.1, momentum=0.95)
    optimizer = make_optimizer(torch.nn.Linear(2, 2).parameters(), run)
    schedule = make_schedule(optimizer, run, steps=7)
    assert optimizer.param_groups[0]["momentum"] == 0.95
    rates = []
    for _ in range(150):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx(50 * [0.1] + 50 * [0.05] + 50 * [0.025])


def test_a_plan_is_for_where_it_trains_not_for_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels for the GPU are wanted, and there are none for the CPU, where the model is built."""
    monkeypatch.setattr(plan, "missing", lambda device: "none were compiled")
    run = config(tmp_path, keep=0.5, plan="fused")
    model, measured = build(run, data.load("digits"))
    assert {layer.plan for layer in band_layers(model).values()} == {"fused"}
    assert measured is not None


@pytest.mark.parametrize("precision", ["64-true", "bf16-true"])
@pytest.mark.parametrize("band", [{"keep": 0.5, "keep_start": 1.0}, {"energy": 0.9}])
def test_a_band_that_moved_is_measured_in_every_precision(
    tmp_path: Path, precision: str, band: dict[str, float]
) -> None:
    result = train(config(tmp_path, epochs=2, limit=100, precision=precision, **band))
    assert result.keep_measured is not None
    assert 0.05 < result.keep_measured <= 1
    left = models.load_model(tmp_path / "model.safetensors")
    dynamic = pb.Band(energy=0.9, dynamic=True)
    wanted = dynamic if "energy" in band else pb.Band(keep=0.5)  # that of its tests
    assert {layer.band for layer in band_layers(left).values()} == {wanted}
    assert {p.dtype for p in left.parameters()} == {
        torch.float64 if precision == "64-true" else torch.bfloat16
    }


def test_a_validation_leaves_each_layer_in_its_mode(tmp_path: Path) -> None:
    class Freeze(Callback):
        def on_start(self, loop: Loop) -> None:
            self.norm = next(m for m in loop.model.modules() if isinstance(m, torch.nn.BatchNorm2d))
            self.norm.eval()

        def on_step_end(self, loop: Loop) -> None:
            assert not self.norm.training
            assert loop.model.training

    run = replace(config(tmp_path, epochs=2, limit=200, validation=0.2), model="resnet20")
    train(run, callbacks=[Freeze()])
