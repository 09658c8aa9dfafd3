"""Every reader of files that may come from elsewhere: sound files, and how each is read.

A reader returns what the file says, or raises its documented error, which names the file. Nothing
else may come out of it, whatever the bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import pickle
import struct
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import md5
from pathlib import Path
from typing import Any
from unittest.mock import ANY, patch

import numpy as np
import safetensors.torch
import scipy.io
import torch
import yaml

import passband as pb
from passband.functional import timings
from passband.lab import checkpoint, environment, experiments, report, results, rundir
from passband.lab.data import archive, idx, series, svhn
from passband.lab.data.unpickle import unpickle
from passband.lab.models import load_model
from passband.lab.models.saved import Architecture
from passband.saving.file import digest

CONFIG: dict[str, Any] = {
    "data": "digits", "model": "lenet5", "keep": 0.5, "epochs": 2, "seeds": 2, "out": "here",
    "base": [{"model": "fcn", "layer_keeps": [1, 0.5]}], "root": None, "plan": "auto",
}  # fmt: skip
EXPERIMENT = b"""study: rates
about: "Two keeps"
paper: [icml-mnist]
data: [mnist]
model: [lenet5]
recipe: icml
options: {keep: [plain, 1, 0.25], lr: 1e-3, validation: null}
bundled: {data: [digits], options: {epochs: 5}}
"""
TABLE = b"""study,data,model,variant,seed,epoch,keep,keep_measured,metric,value
rates,digits,lenet5,band,1,2,0.5,0.4375,test_accuracy,0.875
rates,"a,b",lenet5,plain,0,,,,saved_bytes,1099511627777
"""
TS = b"""# comment
@problemName Toy
@timeStamps false
@missing false
@univariate true
@equalLength true
@seriesLength 3
@classLabel true 1 2
@data
1.5,2,3:1
4,-5e-1,6:2
"""
CHANNELS = TS.replace(b"@univariate true", b"@univariate false\n@dimension 2").replace(
    b"1.5,2,3:1\n4,-5e-1,6:2", b"1,2,3:4,5,6:1\n7,8,9:1,2,3:2"
)
DELIMITED = b"1\t0.5\t-2e-3\n2\t3\t4\n"
KEY = "conv2d 8x3x32x32 3x3 modes 6,6 float32 cpu threads 1"


@dataclass(frozen=True)
class Reader:
    """How one kind of file is read.

    Attributes:
        seeds: sound files.
        read: reads `content`, by a file in a folder where it reads files.
        errors: what it may raise.
        words: what a fuzzer should know of the format.
    """

    seeds: tuple[bytes, ...]
    read: Callable[[Path, bytes], object]
    errors: tuple[type[Exception], ...] = (ValueError,)
    words: tuple[bytes, ...] = ()


def attempt(reader: Reader, folder: Path, content: bytes) -> bool:
    """Whether the content was read; what may not come out of a reader comes out of this."""
    refused = None
    try:
        reader.read(folder, content)
    except reader.errors as error:
        refused = error
    if refused is not None:
        assert type(refused) in reader.errors, f"a kind of its own: {refused!r}"
        assert str(folder) in str(refused), f"does not name the file: {refused!r}"
    return refused is None


def by_file(name: str, read: Callable[[Path], object]) -> Callable[[Path, bytes], object]:
    def write_and_read(folder: Path, content: bytes) -> object:
        (folder / name).write_bytes(content)
        return read(folder / name)

    return write_and_read


def _claimed(path: Path) -> None:
    (path.parent / results.FILE_NAME).touch()
    rundir.claim(path.parent, CONFIG, again=True)
    rundir.holds(path.parent, CONFIG)


def _reported(path: Path) -> object:
    rows = TABLE.replace(b"a,b", b"digits")
    (path.parent / results.FILE_NAME).write_bytes(rows)
    return report.tables(path.parent)


def _environment_reported(path: Path) -> object:
    (path.parent / "config.yaml").write_text("study: rates\n")
    return _reported(path)


def _model() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))


@cache
def _checkpoint() -> bytes:
    model = _model()
    content: dict[str, Any] = dict.fromkeys(checkpoint.PARTS, 1) | {"model": model.state_dict()}
    content |= {
        "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}},
        "history": [0.5, math.inf],
    }
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def _members() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(_checkpoint())) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def _packed(pickled: bytes) -> bytes:
    """The checkpoint with another pickle in it, and checksums that are right."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name, content in _members().items():
            packed.writestr(name, pickled if name.endswith("data.pkl") else content)
    return file.getvalue()


def _checked(path: Path) -> None:
    checkpoint.check(path, _model())


def _pickle_checked(folder: Path, content: bytes) -> None:
    by_file("last.ckpt", _checked)(folder, _packed(content))


def _network() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Conv1d(1, 2, 3), torch.nn.BatchNorm1d(2))


@cache
def _saved() -> tuple[bytes, bytes]:
    """A model's file, and the JSON beside it."""
    model = _network()
    pb.convert_(model, pb.Band(keep=0.5), memory=pb.MemoryPolicy.bf16())
    built = Architecture("lenet5", 10, (1, 28, 28), {"width": 1})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.safetensors")
        pb.save(model, path, architecture=built.to_dict())
        return path.read_bytes(), path.with_suffix(".json").read_bytes()


def _load_saved(path: Path) -> object:
    path.with_suffix(".json").unlink(missing_ok=True)
    return pb.load_(_network(), path)


def _beside_saved(path: Path) -> object:
    file = path.with_suffix(".safetensors")
    file.write_bytes(_saved()[0])
    return pb.load_(_network(), file)


def _described(folder: Path, content: bytes) -> None:
    """A file with another description in it; the laboratory's reader finds a wrong architecture."""
    path = folder / "net.safetensors"
    tensors = safetensors.torch.load(_saved()[0])
    text = content.decode(errors="replace")
    with suppress(ValueError, RecursionError, TypeError):  # or it would be refused for its digest
        config = json.loads(text)
        text = json.dumps(config | {"sha256": digest(config, tensors)})
    path.write_bytes(safetensors.torch.save(tensors, {"passband": text}))
    _load_saved(path)
    with suppress(ValueError):  # of the architecture, or of weights that are not that model's
        load_model(path)


def _idx(axes: int, count: int) -> bytes:
    sizes = [count, 3, 2][:axes]
    return struct.pack(f">4B{axes}I", 0, 0, 8, axes, *sizes) + bytes(range(math.prod(sizes)))


def _read_idx(name: str) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        return idx.read(path.parent, name, 3, {name: ANY})

    return read


@cache
def _mat() -> bytes:
    arrays = {"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.array([[1], [10]], np.uint8)}
    file = io.BytesIO()
    scipy.io.savemat(file, arrays, do_compression=True)
    return file.getvalue()


def _read_svhn(path: Path) -> object:
    """With the checksum as it guards the published file: SciPy dies of some damaged ones."""
    (path.parent / "test_32x32.mat").write_bytes(_mat())
    digest = md5(_mat(), usedforsecurity=False).hexdigest()
    return svhn.load(path.parent, "unit", dict.fromkeys(svhn.DIGESTS, digest))


def _zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("Toy/Toy_TRAIN.ts", TS)
    return file.getvalue()


def _read_zip(path: Path) -> None:
    for name in archive.names_of_zip(path):
        archive.of_zip(path, name)


def _read_pickle(folder: Path, content: bytes) -> object:
    return unpickle(folder, content)


def _identity() -> dict[str, object]:
    return timings._entry(Path(), KEY)[1]


def _recalled(folder: Path, content: bytes) -> None:
    """A remembered timing raises nothing and is none, or seconds by name."""
    with patch.dict("os.environ", {"PASSBAND_CACHE": str(folder)}):
        path = timings._entry(folder / "timings", KEY)[0]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        found = timings.recall(KEY)
    assert found is None or found
    for name, seconds in (found or {}).items():
        assert isinstance(name, str)
        assert 0 < seconds < math.inf


_YAML_WORDS = (b"&a ", b"*a", b"<<: ", b"!!int ", b"!!timestamp ", b"!!python/object:os.system ",
               b"0x_", b"2001-99-99", b"? ", b"- ", b"| ", b"seeds: ", b"[[[[")  # fmt: skip
READERS: Mapping[str, Reader] = {
    "config": Reader(
        (yaml.safe_dump(CONFIG, sort_keys=False).encode(),),
        by_file("config.yaml", _claimed), (ValueError, FileExistsError), _YAML_WORDS,
    ),
    "environment": Reader(
        (b"torch: 2.13.0\ncores: 2\n",),
        by_file(environment.FILE_NAME, lambda path: environment.load(path.parent)),
        words=_YAML_WORDS,
    ),
    "config of a report": Reader(
        (yaml.safe_dump({**CONFIG, "study": "rates", "paper": ["icml-mnist"]}).encode(),),
        by_file("config.yaml", _reported), words=_YAML_WORDS,
    ),
    "environment of a report": Reader(
        (b"torch: 2.13.0\nsamples: {digits: {train: 5, test: 3}}\n",),
        by_file(environment.FILE_NAME, _environment_reported), words=_YAML_WORDS,
    ),
    "experiment": Reader(
        (EXPERIMENT,), by_file("mine.yaml", lambda path: experiments.load(str(path))),
        words=_YAML_WORDS,
    ),
    "results": Reader(
        (TABLE,), by_file("results.csv", results.read), words=(b'"', b"\r", b"\0", b",,", b"1e999")
    ),
    "checkpoint": Reader((_checkpoint(),), by_file("last.ckpt", _checked), words=(b"PK\1\2",)),
    "pickle of a checkpoint": Reader(
        (next(v for k, v in _members().items() if k.endswith("data.pkl")),), _pickle_checked,
        words=(b"ctorch\n", b"cos\nsystem\n", b"(", b"\x85", b"Q", b"R", b"\x8a\xff"),
    ),
    "ts": Reader(
        (TS, CHANNELS), by_file("Toy_TRAIN.ts", series.read_ts),
        words=(b"@data\n", b"@classLabel true ", b"@timeStamps true", b":", b"?", b"(0,1)", b"NaN"),
    ),
    "tsv": Reader(
        (DELIMITED, DELIMITED.replace(b"\t", b",")),
        by_file("Toy_TRAIN.tsv", series.read_delimited),
        words=(b"\t", b",", b"nan", b"1e999", b"\x0b", b"1_0"),
    ),
    "model": Reader((_saved()[0],), by_file("net.safetensors", _load_saved),
                    words=(b'"F32"', b"[0,9999999999]", b"__metadata__", b"\\u0000")),
    "json of a model": Reader((_saved()[1],), by_file("net.json", _beside_saved),
                              words=(b"NaN", b"1e999", b"null", b"[[[[")),
    "description of a model": Reader(
        (json.dumps({k: v for k, v in json.loads(_saved()[1]).items() if k != "sha256"}).encode(),),
        _described, words=(b"NaN", b"1e999", b"null", b"[[[[", b'"version": 2', b'"lenet5"'),
    ),
    "idx": Reader((_idx(3, 2),), by_file("images", _read_idx("images")), words=(b"\xff" * 4,)),
    "idx.gz": Reader(
        (gzip.compress(_idx(3, 2), mtime=0),), by_file("images.gz", _read_idx("images")),
        words=(b"\x1f\x8b\x08",),
    ),
    "mat": Reader(
        (_mat(),), by_file("train_32x32.mat", _read_svhn),
        words=(b"\x0e\0\0\0", b"\x0f\0\0\0", b"\xff\xff\xff\x7f"),
    ),
    "zip": Reader(
        (_zipped(),), by_file("Toy.zip", _read_zip), words=(b"PK\1\2", b"PK\3\4", b"../")
    ),
    "pickle": Reader(
        tuple(pickle.dumps({"data": np.zeros((2, 3), np.uint8), "labels": [1, 2]}, protocol=p)
              for p in (2, 4)),
        _read_pickle, words=(b"cos\nsystem\n", b"numpy", b"\x8a\xff"),
    ),
    "timings": Reader(
        (json.dumps({**_identity(), "seconds": {"fft": 1e-3, "dft": 2e-3}}).encode(),),
        _recalled, (), (b"NaN", b"Infinity", b"1e999", b"null", b"[[[["),
    ),
}  # fmt: skip
