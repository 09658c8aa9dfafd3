"""Files in which bytes were cut, turned, copied, put in and taken out: read, or refused by name."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import pytest
import torch
from readers import READERS, attempt

import passband as pb
from passband.functional.measure import measured_plan

MOST_BYTES = 2**26  # of memory, for files of a few kilobytes
(CHECKPOINT,), (ZIP,) = READERS["checkpoint"].seeds, READERS["zip"].seeds
NO_TEXT = ZIP.replace(b"\x14\x03\x14\0\0\0", b"\x14\x03\x14\0\0\x08").replace(b"Toy/", b"Toy\xff")
# Files that once made a reader fail in a way of its own, hang or take all memory.
LAUGHS = b"a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + b"".join(
    b"%c: &%c [%s]\n" % (at, at, b", ".join([b"*%c" % (at - 1)] * 9)) for at in b"bcdefghi"
)
FOUND = {
    "seeds that are no number": ("config", b"data: digits\nseeds:\n"),
    "seeds that are text": ("config", b"seeds: many\n"),
    "a base that is no config": ("config of a report", b"study: rates\nbase: [1]\n"),
    "a base that is a number": ("config of a report", b"study: rates\nbase: 1.5\n"),
    "a policy that is a list": ("config of a report", b"study: rates\nbase: [{memory: [1]}]\n"),
    "a paper that is no name": ("config of a report", b"study: rates\npaper: [1]\n"),
    "papers that are a number": ("config of a report", b"study: rates\npaper: 2\n"),
    "samples that are a number": ("environment of a report", b"samples: {digits: 3}\n"),
    "lists in lists in lists": ("environment", b"a: " + b"[" * 3000),
    "no integer": ("environment", b"a: !!int ''\n"),
    "no truth": ("environment", b"a: !!bool maybe\n"),
    "no time": ("environment", b"a: !!timestamp x\n"),
    "no day": ("environment", b"a: 2001-99-99\n"),
    "aliases of aliases": ("config", b"data:\n - " + LAUGHS.replace(b"\n", b"\n   ")),
    "a list of itself": ("environment", b"a: &a [*a]\n"),
    "more than a config holds": ("environment", b"a: 1\n" * 2**18),
    "a cell longer than csv reads": ("results", READERS["results"].seeds[0] + b"a" * 2**18 + b"\n"),
    "its beginning is missing": ("checkpoint", CHECKPOINT[100:]),
    "cut within a number": ("pickle of a checkpoint", b"\x80\x02X\x01"),
    "a name that is no text": ("zip", NO_TEXT),
    "place for what is not there": ("pickle", b"\x80\x02Nr\0\0\0\x05."),
    "a buffer of gigabytes": ("pickle", b"\x80\x05\x96\0\0\0\0\x01\0\0\0."),
}  # fmt: skip


def damaged(rng: random.Random, seeds: tuple[bytes, ...], words: tuple[bytes, ...]) -> bytes:
    """A sound file after some accidents."""
    content = bytearray(rng.choice(seeds))
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(content) + 1)
        size = min(rng.choice([1, 1, 2, 4, 8, 64]), len(content) - at)
        kind = rng.randrange(8)
        if kind == 0:  # cut short
            del content[at:]
        elif kind == 1 and size:  # a bit turned
            content[at] ^= 1 << rng.randrange(8)
        elif kind == 2:  # other bytes
            content[at : at + size] = rng.randbytes(size)
        elif kind == 3:  # a number as large or as small as can be
            content[at : at + size] = rng.choice([b"\xff", b"\0", b"\x7f", b"9"]) * size
        elif kind == 4:  # taken out
            del content[at : at + size]
        elif kind == 5:  # a piece of another file, or of this one, put in
            other = rng.choice(seeds)
            start = rng.randrange(len(other))
            content[at:at] = other[start : start + rng.choice([1, 8, 64])]
        elif kind == 6 and words:
            content[at:at] = rng.choice(words)
        elif kind == 7:  # said many times
            content[at:at] = bytes(content[at : at + size]) * rng.choice(
                [2, 50, 2000 // (size or 1)]
            )
    return bytes(content)


def attack(name: str, folder: Path, seed: int, times: int) -> None:
    rng, reader = random.Random(seed), READERS[name]
    for _ in range(times):
        content = damaged(rng, reader.seeds, reader.words)
        try:
            attempt(reader, folder, content)
        except BaseException as error:
            error.add_note(f"{name} of {len(content)} bytes: {content[:3000]!r}")
            raise


@pytest.mark.parametrize("name", READERS)
def test_sound_files_are_read(name: str, tmp_path: Path) -> None:
    for content in READERS[name].seeds:
        assert attempt(READERS[name], tmp_path, content) or name == "config"


@pytest.mark.parametrize(("name", "content"), FOUND.values(), ids=FOUND)
def test_files_that_failed_once(name: str, content: bytes, tmp_path: Path) -> None:
    assert not attempt(READERS[name], tmp_path, content)


@pytest.mark.parametrize("name", READERS)
def test_some_damaged_files(name: str, tmp_path: Path) -> None:
    attack(name, tmp_path, seed=0, times=100)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_many_damaged_files(name: str, tmp_path: Path) -> None:
    attack(name, tmp_path, seed=1, times=5000)


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_takes_no_memory(name: str, tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        attack(name, tmp_path, seed=2, times=30)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_BYTES


def test_a_damaged_plan_cache_never_breaks_a_convolution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSBAND_CACHE", str(tmp_path))
    x, w = torch.randn(2, 3, 9), torch.randn(4, 3, 3)

    def measured() -> torch.Tensor:
        measured_plan.cache_clear()
        return pb.functional.band_conv1d(x, w, band=pb.Band(keep=0.5), plan="measure")

    wanted, rng = measured(), random.Random(0)
    (path,) = (tmp_path / "timings").iterdir()
    whole = path.read_bytes()
    for _ in range(50):
        path.write_bytes(damaged(rng, (whole,), READERS["timings"].words))
        torch.testing.assert_close(measured(), wanted)
