import errno
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import torch

from digits_run import config, weights
from passband.lab import checkpoint_io
from passband.lab.callback import Callback
from passband.lab.history import History
from passband.lab.loop import Loop
from passband.lab.studies.grid import Book
from passband.lab.studies.rates import RatesConfig
from passband.lab.training import Result, train


class KilledError(Exception):
    """Ends a process at some moment."""


class KillIn(Callback):
    def __init__(self, epoch: int, batch: int) -> None:
        self.epoch, self.batches = epoch, batch + 1

    def on_step_end(self, loop: Loop) -> None:
        self.batches -= loop.epoch == self.epoch
        if not self.batches:
            raise KilledError


@pytest.mark.parametrize("moment", [(1, 0), (2, 11)])
def test_a_killed_run_goes_on_as_if_nothing_had_been(
    finished_run: Result, tmp_path: Path, moment: tuple[int, int]
) -> None:
    run = config(tmp_path, keep=0.5)
    with pytest.raises(KilledError):
        train(run, callbacks=[KillIn(*moment)])
    assert not (tmp_path / "results.csv").exists()
    resumed = train(run, resume=True)
    assert resumed.rows() == finished_run.rows()
    whole = weights(Path(finished_run.config.out))
    for name, weight in weights(tmp_path).items():
        assert torch.equal(weight, whole[name])


def test_resuming_a_finished_run_changes_nothing(finished_run: Result) -> None:
    before = (Path(finished_run.config.out) / "results.csv").read_bytes()
    assert train(finished_run.config, resume=True).rows() == finished_run.rows()
    assert (Path(finished_run.config.out) / "results.csv").read_bytes() == before


def _damage(path: Path, kind: str) -> None:
    whole = path.read_bytes()
    content = torch.load(path, weights_only=True)
    if kind == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("not a checkpoint")
    elif kind.startswith("flipped"):
        at = int(len(whole) * float(kind.split()[1]))
        flipped = bytes(byte ^ 0xFF for byte in whole[at : at + 200])
        path.write_bytes(whole[:at] + flipped + whole[at + 200 :])
    elif kind == "packed":  # says the directory, which is not so
        method = whole.rindex(b"PK\1\2") + 10
        path.write_bytes(whole[:method] + b"\x08" + whole[method + 1 :])
    elif kind == "another model's":
        content["model"] = {"weight": torch.zeros(2)}
        torch.save(content, path)
    elif kind == "weights only":
        torch.save({"model": content["model"]}, path)
    elif kind == "a list":
        torch.save([1, 2], path)
    elif kind == "code":
        path.write_bytes(pickle.dumps(os.getcwd, protocol=2))


@pytest.mark.parametrize(
    "kind",
    [
        # The pickle is at the beginning, the tensors make up most of it, the directory is last.
        *(f"flipped {at}" for at in (0, 0.005, 0.1, 0.25, 0.5, 0.75, 0.9, 0.985, 0.995, 0.9997)),
        "packed", "cut", "empty", "text", "another model's", "weights only", "a list", "code",
    ],
)  # fmt: skip
def test_a_damaged_checkpoint_is_named(finished_run: Result, tmp_path: Path, kind: str) -> None:
    for file in Path(finished_run.config.out).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    _damage(tmp_path / "last.ckpt", kind)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=rf"checkpoint {tmp_path}/last\.ckpt is damaged"):
        train(replace(finished_run.config, out=str(tmp_path)), resume=True)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_study_names_the_damaged_checkpoint_of_a_run(
    finished_run: Result, tmp_path: Path
) -> None:
    run = finished_run.config
    book = Book(RatesConfig(base=(run,), out=str(tmp_path / "study")))
    whole, path = (Path(one) / "last.ckpt" for one in (run.out, tmp_path))
    for name, weight in book.trained(run).state_dict().items():
        assert torch.equal(weight, weights(whole.parent)[name])
    run = replace(run, out=str(tmp_path))
    with pytest.raises(FileNotFoundError, match=str(path)):
        book.trained(run)
    path.write_bytes(whole.read_bytes())
    _damage(path, "cut")
    with pytest.raises(ValueError, match=rf"checkpoint {path} is damaged"):
        book.trained(run)


def test_a_damaged_tensor_is_named(finished_run: Result, tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    path.write_bytes((Path(finished_run.config.out) / "last.ckpt").read_bytes())
    with ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda member: member.file_size)
    middle = largest.header_offset + largest.file_size / 2
    _damage(path, f"flipped {middle / path.stat().st_size}")
    with pytest.raises(ValueError, match=rf"{path} is damaged.*: {largest.filename} "):
        train(replace(finished_run.config, out=str(tmp_path)), resume=True)


def test_a_run_goes_on_with_as_many_processes_as_it_began(finished_run: Result) -> None:
    out = Path(finished_run.config.out)
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    two = replace(finished_run.config, devices=2, strategy="ddp")
    with pytest.raises(FileExistsError, match="processes is 1 there and 2 here"):
        train(two, resume=True)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_a_killed_run_goes_on_where_it_was_moved_to(finished_run: Result, tmp_path: Path) -> None:
    run = config(tmp_path / "there", keep=0.5)
    with pytest.raises(KilledError):
        train(run, callbacks=[KillIn(2, 3)])
    copied = {p.name: p.read_bytes() for p in (tmp_path / "there").iterdir()}
    shutil.copytree(tmp_path / "there", tmp_path / "here")
    resumed = train(replace(run, out=str(tmp_path / "here")), resume=True)
    assert resumed.rows() == finished_run.rows()
    assert {p.name: p.read_bytes() for p in (tmp_path / "there").iterdir()} == copied


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    out = tmp_path / "new"
    with pytest.raises(FileNotFoundError, match=rf"{out}/last\.ckpt"):
        train(config(out), resume=True)
    assert not out.exists()


def test_a_disk_that_fills_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def fills(path: Path, content: bytes | str) -> None:
        written.append(path)
        if written.count(path) > 1:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        path.write_bytes(bytes(content))  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoint_io, "write_atomic", fills)
    with pytest.raises(OSError, match=rf"{tmp_path}/last\.ckpt"):
        train(config(tmp_path))
    monkeypatch.undo()
    assert len(train(config(tmp_path), resume=True).train_loss) == 3


def test_callbacks_of_one_class_keep_their_own_state(tmp_path: Path) -> None:
    class Count(Callback):
        def __init__(self, name: str) -> None:
            self.seen = [name]

        def on_epoch_end(self, loop: Loop) -> None:
            self.seen.append(f"{loop.epoch}")

        def state_dict(self) -> dict[str, Any]:
            return {"seen": list(self.seen)}

        def load_state_dict(self, state_dict: dict[str, Any]) -> None:
            self.seen = list(state_dict["seen"])

    def counts() -> list[Callback]:
        return [Count("one"), Count("two")]

    with pytest.raises(KilledError):
        train(config(tmp_path), callbacks=[*counts(), KillIn(2, 3)])
    resumed = counts()
    train(config(tmp_path), resume=True, callbacks=resumed)
    assert [vars(one)["seen"] for one in resumed] == [
        ["one", "1", "2", "3"], ["two", "1", "2", "3"],
    ]  # fmt: skip


def test_early_stopping_outlives_a_loss_that_is_no_number() -> None:
    history = History(early_stop=2)
    for loss in (float("nan"), 3.0, 2.0):
        history.add(torch.nn.Linear(1, 1), loss, None)
        assert not history.ended
    for loss in (2.5, float("inf")):
        history.add(torch.nn.Linear(1, 1), loss, None)
    assert history.ended
