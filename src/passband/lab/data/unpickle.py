"""Pickles of numpy arrays, read by a machine that can build nothing else.

A pickle is a program that may call anything. This one may call what an array of bytes needs.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Mapping
from typing import Any

import numpy as np


def _bytes_only(code: Any, *_: object) -> np.dtype[Any]:
    """Stands in for `numpy.dtype`: an array of objects, or a huge type, is not to be had."""
    if code not in ("u1", b"u1"):
        raise ValueError(f"an array of {code!r}; only unsigned bytes are allowed")
    return np.dtype(np.uint8)


def _latin1(text: Any, encoding: Any) -> bytes:
    """Stands in for `_codecs.encode`, whose other codecs unpack bombs."""
    if encoding != "latin1" or not isinstance(text, str):
        raise ValueError(f"text encoded as {encoding!r}; only latin1 is allowed")
    return text.encode(encoding)


_reconstruct = np.empty(0).__reduce__()[0]  # numpy has moved it, but arrays always name it

_ALLOWED: Mapping[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _bytes_only,
    ("_codecs", "encode"): _latin1,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise ValueError(f"the pickle asks for {module}.{name}, which no such file needs")
        return _ALLOWED[module, name]


def _bounded(content: bytes) -> None:
    """Refuses what makes Python reserve far more memory than the pickle has bytes."""
    for opcode, argument, _ in pickletools.genops(content):
        place = argument if argument is not None and "PUT" in opcode.name else 0
        if opcode.name == "BYTEARRAY8" or place > len(content):
            raise ValueError(f"it has {opcode.name} of {argument!r:.40}, which no such file needs")


def unpickle(shown: object, content: bytes) -> Any:
    """Containers, text, numbers and arrays of bytes from a pickle, also of Python 2.

    Args:
        shown: what to call it in errors.
        content: the pickle.

    Raises:
        ValueError: it is no pickle, cut short, or asks for anything else; then nothing has run.
    """
    try:
        _bounded(content)
        return _Unpickler(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:  # a program can fail in any way
        raise ValueError(f"{shown}: not a pickle that can be read safely: {error}") from error
