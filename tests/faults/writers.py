"""Everything that writes files, on a disk that fails; a program, begun with `disk.c` preloaded.

Its arguments are names of writers; it prints what `try_all` found of each.
"""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from failing_disk import Act, Outcome, try_all
from lightning.fabric.strategies.fsdp import FSDPStrategy

import passband as pb
from digits_run import config
from passband.atomic import write_atomic
from passband.functional import timings
from passband.lab import environment, report, results, rundir
from passband.lab.arguments import parser
from passband.lab.checkpoint_io import AtomicCheckpointIO, Sharded
from passband.lab.files import write_yaml
from passband.lab.inspect.command import command
from passband.lab.results import Row
from passband.lab.studies import cluster
from passband.lab.studies.first_maps import FirstMaps
from passband.lab.studies.task import Task, do

ROOT = Path(__file__).parents[2]
ROW = Row("train", "digits", "lenet5", "plain", 0, 1, None, None, "test_accuracy", 0.5)
EVERY = int(os.environ.get("EVERY", "1"))  # of those with many system calls
MORE = [replace(ROW, seed=seed) for seed in range(400)]


def nothing(folder: Path) -> None:
    pass


def bytes_of(value: int) -> Act:
    return lambda folder: write_atomic(folder / "file", bytes([value]) * 100_000)


def linked(folder: Path) -> None:
    bytes_of(0)(folder)
    (folder / "file").rename(folder / "elsewhere")
    (folder / "file").symlink_to(folder / "elsewhere")


def remembered(seconds: float) -> Act:
    def remember(folder: Path) -> None:
        os.environ["PASSBAND_CACHE"] = str(folder)
        timings.remember("key", {"fft": seconds})

    return remember


def table(rows: list[Row]) -> Act:
    return lambda folder: results.write(folder / "results.csv", rows)


def saved(value: float) -> Act:
    state = {"model": {"weight": torch.full((300, 300), value)}, "epoch": 1}
    return lambda folder: AtomicCheckpointIO().save_checkpoint(state, folder / "last.ckpt")


def model_saved(keep: float) -> Act:
    model = torch.nn.Conv2d(64, 64, 3)
    torch.nn.init.constant_(model.weight, keep)
    pb.convert_(model, pb.Band(keep=keep))
    return lambda folder: pb.save(model, folder / "net.safetensors")


class _First(Sharded):
    global_rank = 0

    def __init__(self) -> None:
        pass


def _write_whole(self: object, path: str, state: object) -> None:
    with Path(path).open("wb") as file:  # by its name PyTorch would write the name into it
        torch.save(state, file)


def sharded(value: float) -> Act:
    """A checkpoint of FSDP; of the strategy's own part all that matters is that it writes it."""
    state = {"model": {"weight": torch.full((300, 300), value)}, "epoch": 1}

    def save(folder: Path) -> None:
        FSDPStrategy.save_checkpoint = _write_whole  # type: ignore[assignment]
        _First().save_checkpoint(folder / "last.ckpt", state)

    return save


def claimed(out: str) -> Act:
    def claim(folder: Path) -> None:
        rundir.claim(folder, config(Path(out)).stored(), again=True)

    return claim


def with_report(folder: Path) -> None:
    """A run directory of which the table is newer than the report."""
    losses = [replace(ROW, metric="train_loss", epoch=epoch) for epoch in range(1, 4)]
    table(losses)(folder)
    write_yaml(folder / "config.yaml", {"study": "train"})
    report.build(folder)
    table([replace(row, value=0.25) for row in losses])(folder)


def inspected(batch: int) -> Act:
    words = ["inspect", "lenet5", "--batch", str(batch), "--json", "--out"]

    def inspect(folder: Path) -> None:
        command(parser().parse_args([*words, str(folder / "found" / "layers.json")]))

    return inspect


def trained(folder: Path) -> None:
    environment.describe = lambda: {"torch": "2"}  # which asks git, whose word may change
    do(Task(config(folder, epochs=2, limit=64, keep=0.5)))


def is_checkpoint(content: bytes) -> bool:
    """Of the first epoch, that is."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return False
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
    return bool(torch.load(io.BytesIO(content), weights_only=True)["epoch"] == 1)


def maps(value: float) -> Act:
    array = np.full((1, 4, 32, 32), value, np.float32)
    found = FirstMaps((0.0,), (1.0,), array, array)
    return lambda folder: found.save(folder / "maps.npz")


def put(value: int) -> Act:
    names = ("results.csv", "last.ckpt", "config.yaml")
    files = {name: bytes([value]) * 5000 for name in names}
    return lambda folder: cluster._put(folder, files)


def build_module() -> ModuleType:
    spec = spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compiled(text: str) -> Act:
    """One library for each set of instructions; a compiler would take its time."""
    module: Any = build_module()
    module.find_compiler = lambda: ["cc"]

    def compile_one(compiler: object, files: list[Path], library: Path, flags: object) -> Path:
        library.write_bytes(text.encode() * 20_000)
        return library

    module.compile_one = compile_one
    return partial(module.compile_all, ROOT / "src/passband/kernels/cpu")


WRITERS: Mapping[str, Callable[[], Outcome]] = {
    "new file": lambda: try_all(nothing, bytes_of(1)),
    "file": lambda: try_all(bytes_of(0), bytes_of(1)),
    "link": lambda: try_all(linked, bytes_of(1)),
    "timings": lambda: try_all(remembered(1.0), remembered(2.0), silent=True),
    "first timings": lambda: try_all(nothing, remembered(2.0), silent=True),
    "table": lambda: try_all(table([ROW]), table(MORE)),
    "checkpoint": lambda: try_all(saved(0), saved(1)),
    "checkpoint of fsdp": lambda: try_all(sharded(0), sharded(1)),
    "model": lambda: try_all(model_saved(0.5), model_saved(0.25), comes_last="net.json"),
    "config": lambda: try_all(claimed("here"), claimed("there"), every=EVERY),
    "report": lambda: try_all(with_report, report.build, every=EVERY),
    "maps": lambda: try_all(maps(0), maps(1)),
    "from a cluster": lambda: try_all(nothing, put(1), comes_last="results.csv", every=EVERY),
    "inspection": lambda: try_all(inspected(1), inspected(2), every=EVERY),
    "kernels": lambda: try_all(compiled("old"), compiled("new"), every=EVERY),
    "training": lambda: try_all(
        nothing, trained, comes_last="results.csv", every=EVERY**2, whole=is_checkpoint
    ),
}


if __name__ == "__main__":
    print(json.dumps({name: asdict(WRITERS[name]()) for name in sys.argv[1:]}))
