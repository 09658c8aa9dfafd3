"""The idx format of MNIST: a magic number, the sizes of an array, and its bytes."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import torch
from torch import Tensor

from passband.lab.data.files import Digests, bounded, missing, published

_BYTES = 8  # the code of unsigned bytes, the only type of such data sets
_LIMIT = 2**28  # bytes; the training images of MNIST are 2**25.5


def read(folder: Path, name: str, axes: int, digests: Digests) -> Tensor:
    """Reads `name`, or `name.gz`, into a uint8 array of so many axes.

    Of a compressed file no more is unpacked than its header announces.

    Raises:
        FileNotFoundError: there is neither.
        ValueError: it is no such file, damaged, cut short, or not the published one.
    """
    path = next((at for at in (folder / name, folder / f"{name}.gz") if at.is_file()), None)
    if path is None:
        raise missing(folder / name, f"{folder / name}, or the same with .gz")
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        try:
            header = stream.read(4 + 4 * axes)
            sizes = _sizes(path, header, axes)
            values = stream.read(math.prod(sizes) + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: half-downloaded or damaged: {error}") from error
    if len(values) != math.prod(sizes):
        held = "more" if len(values) > math.prod(sizes) else f"only {len(values)}"
        raise ValueError(
            f"{path}: sizes of {sizes} need {math.prod(sizes)} bytes, but there are {held}: "
            "half-downloaded or damaged"
        )
    published(path, header + values, name, digests)
    return torch.frombuffer(bytearray(values), dtype=torch.uint8).reshape(sizes)


def _sizes(path: Path, header: bytes, axes: int) -> tuple[int, ...]:
    magic = bytes((0, 0, _BYTES, axes))
    if header[:4] != magic:
        raise ValueError(
            f"{path}: starts with {header[:4].hex(' ')}, but idx files of bytes with {axes} axes "
            f"start with {magic.hex(' ')}"
        )
    if len(header) < 4 + 4 * axes:
        raise ValueError(f"{path}: cut short within its header")
    sizes = struct.unpack(f">{axes}I", header[4:])
    bounded(path, math.prod(sizes), _LIMIT)
    if not math.prod(sizes):
        raise ValueError(f"{path}: an array of {sizes} is empty")
    return sizes
