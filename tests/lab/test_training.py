import errno
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Callback

import passband as pb
from passband.lab import checkpoint, data, files, models, results
from passband.lab.config import TrainConfig
from passband.lab.training import Result, train


def config(out: Path, **given: Any) -> TrainConfig:
    settings = {"epochs": 3, "batch_size": 64, "learning_rate": 3e-3, "accelerator": "cpu"}
    return TrainConfig.recommended("digits", "lenet5", str(out), **{**settings, **given})


def weights(out: Path) -> dict[str, torch.Tensor]:
    content = torch.load(out / "last.ckpt", weights_only=True)
    return {name.removeprefix("model."): w for name, w in content["state_dict"].items()}


class KilledError(Exception):
    """Ends a process at some moment."""


class KillIn(Callback):
    def __init__(self, epoch: int, batch: int) -> None:
        self.at = (epoch, batch)

    def on_train_batch_end(self, trainer: L.Trainer, *rest: Any) -> None:
        if (trainer.current_epoch, rest[-1]) == self.at:
            raise KilledError


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A band-limited run that nothing disturbed."""
    out = tmp_path_factory.mktemp("run")
    return train(config(out, keep=0.5), progress_bar=False)


def test_the_accuracy_is_the_last_checkpoints(finished: Result) -> None:
    model = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    model.load_state_dict(weights(Path(finished.config.out)))
    digits = data.load("digits")
    maps, labels = digits.test.tensors
    report = pb.convert_(model, pb.Band(keep=0.5), example=maps[:1])
    right = (model.eval()(maps).argmax(1) == labels).sum().item()
    assert finished.test_accuracy == pytest.approx(right / len(labels), abs=1e-6)
    assert finished.keep_measured == report.keep_measured
    assert finished.test_accuracy > 0.5


def test_the_first_loss_is_what_a_plain_loop_finds(tmp_path: Path) -> None:
    one = replace(config(tmp_path, epochs=1, schedule="constant"), batch_size=2000)
    result = train(one, progress_bar=False)
    L.seed_everything(0, verbose=False)
    model = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    maps, labels = data.load("digits").train.tensors
    loss = torch.nn.functional.cross_entropy(model(maps), labels).item()
    assert result.train_loss == pytest.approx((loss,), rel=1e-5)


def test_the_run_directory_holds_the_run(finished: Result) -> None:
    out = Path(finished.config.out)
    assert {p.name for p in out.iterdir()} == {
        "config.yaml", "environment.yaml", "last.ckpt", "results.csv",
    }  # fmt: skip
    written = files.read_yaml(out / "config.yaml")
    assert (written["data"], written["model"], written["keep"]) == ("digits", "lenet5", 0.5)
    environment = files.read_yaml(out / "environment.yaml")
    assert environment["torch"] == torch.__version__
    assert environment["samples"] == {"digits": {"train": 1433, "test": 364}}
    rows = results.read(out / "results.csv")
    assert rows == finished.rows()
    assert [(row.metric, row.epoch) for row in rows] == [
        ("train_loss", 1), ("train_loss", 2), ("train_loss", 3), ("test_accuracy", 3),
    ]  # fmt: skip


def test_the_same_seed_gives_the_same_bits(finished: Result, tmp_path: Path) -> None:
    again = train(config(tmp_path, keep=0.5), progress_bar=False)
    assert again.rows() == finished.rows()
    other = train(config(tmp_path / "other", keep=0.5, seed=1), progress_bar=False)
    assert other.train_loss != finished.train_loss


@pytest.mark.parametrize("moment", [(1, 0), (2, 11)])
def test_a_killed_run_goes_on_as_if_nothing_had_been(
    finished: Result, tmp_path: Path, moment: tuple[int, int]
) -> None:
    run = config(tmp_path, keep=0.5)
    with pytest.raises(KilledError):
        train(run, callbacks=[KillIn(*moment)], progress_bar=False)
    assert not (tmp_path / "results.csv").exists()
    resumed = train(run, resume=True, progress_bar=False)
    assert resumed.rows() == finished.rows()
    whole = weights(Path(finished.config.out))
    for name, weight in weights(tmp_path).items():
        assert torch.equal(weight, whole[name])


def test_resuming_a_finished_run_changes_nothing(finished: Result) -> None:
    before = (Path(finished.config.out) / "results.csv").read_bytes()
    assert train(finished.config, resume=True, progress_bar=False).rows() == finished.rows()
    assert (Path(finished.config.out) / "results.csv").read_bytes() == before


def test_keep_one_learns_as_plain(tmp_path: Path) -> None:
    plain = train(config(tmp_path / "plain"), progress_bar=False)
    whole = train(config(tmp_path / "whole", keep=1.0), progress_bar=False)
    assert whole.train_loss == pytest.approx(plain.train_loss, rel=1e-3)
    assert whole.keep_measured == 1
    assert plain.keep_measured is None


def test_the_test_set_has_no_part_in_training(
    finished: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = data.load("digits")
    maps, labels = digits.test.tensors
    shuffled = torch.utils.data.TensorDataset(maps.flip(0) * 3, labels)
    monkeypatch.setattr(data, "load", lambda name, root: replace(digits, test=shuffled))
    other = train(config(tmp_path, keep=0.5), progress_bar=False)
    assert other.train_loss == finished.train_loss
    assert other.test_accuracy != finished.test_accuracy


def _damage(path: Path, kind: str) -> None:
    whole = path.read_bytes()
    content = torch.load(path, weights_only=True)
    if kind == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("not a checkpoint")
    elif kind == "flipped":
        path.write_bytes(whole[:-200] + bytes(200))
    elif kind == "another model's":
        content["state_dict"] = {"model.weight": torch.zeros(2)}
        torch.save(content, path)
    elif kind == "weights only":
        torch.save({"state_dict": content["state_dict"]}, path)
    elif kind == "a list":
        torch.save([1, 2], path)
    elif kind == "code":
        path.write_bytes(pickle.dumps(os.getcwd, protocol=2))


@pytest.mark.parametrize(
    "kind",
    ["cut", "empty", "text", "flipped", "another model's", "weights only", "a list", "code"],
)
def test_a_damaged_checkpoint_is_named(finished: Result, tmp_path: Path, kind: str) -> None:
    for file in Path(finished.config.out).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    _damage(tmp_path / "last.ckpt", kind)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=rf"checkpoint {tmp_path}/last\.ckpt is damaged"):
        train(replace(finished.config, out=str(tmp_path)), resume=True, progress_bar=False)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    out = tmp_path / "new"
    with pytest.raises(FileNotFoundError, match=rf"{out}/last\.ckpt"):
        train(config(out), resume=True, progress_bar=False)
    assert not out.exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"data": "mnist-6k"}, "unknown data 'mnist-6k'"),
        ({"model": "lenet6"}, "unknown model 'lenet6'"),
        ({"data": "ucr:GunPoint"}, r"\(150,\)"),
        ({"model": "fcn"}, r"'fcn' cannot take maps .* \(1, 8, 8\) of 'digits'"),
        ({"precision": "31-true"}, "31-true"),
        ({"strategy": "hope"}, "hope"),
    ],
)
def test_a_run_that_cannot_start_leaves_nothing(
    tmp_path: Path, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        train(replace(config(tmp_path / "new"), **given), progress_bar=False)
    assert not (tmp_path / "new").exists()


def test_a_disk_that_fills_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def fills(path: Path, content: bytes | str) -> None:
        written.append(path)
        if written.count(path) > 1:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        path.write_bytes(bytes(content))  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoint, "write_atomic", fills)
    with pytest.raises(OSError, match=rf"{tmp_path}/last\.ckpt"):
        train(config(tmp_path), progress_bar=False)
    monkeypatch.undo()
    assert len(train(config(tmp_path), resume=True, progress_bar=False).train_loss) == 3


def test_two_processes_learn_as_one(tmp_path: Path) -> None:
    one = train(config(tmp_path / "one", epochs=1), progress_bar=False)
    words = [
        "train", "--data", "digits", "--model", "lenet5", "--epochs", "1", "--lr", "3e-3",
        "--batch-size", "32", "--out", str(tmp_path / "two"),
        "--accelerator", "cpu", "--devices", "2", "--strategy", "ddp",
    ]  # fmt: skip
    subprocess.run(
        [sys.executable, "-m", "passband", *words],
        check=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    loss = results.read(tmp_path / "two" / "results.csv")[0]
    assert loss.metric == "train_loss"
    # 1433 samples are odd: two processes repeat one of them.
    assert loss.value == pytest.approx(one.train_loss[0], rel=2e-3)
