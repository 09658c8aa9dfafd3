"""Calling the library."""

from __future__ import annotations

import ctypes

import torch

from passband.kernels.cpu.library import library
from passband.kernels.cpu.tables import BandTables


def loaded() -> ctypes.CDLL:
    """The library, where it is known to be there."""
    found = library()
    assert found is not None
    return found


def call(name: str, band: BandTables, arguments: ctypes.Structure) -> None:
    """Run a function of the library on as many threads as PyTorch uses.

    Raises:
        MemoryError: there is no room for what a thread computes with.
    """
    threads = torch.get_num_threads()
    check(name, threads, loaded()[name](ctypes.byref(band), ctypes.byref(arguments), threads))


def check(name: str, threads: int, failed: int) -> None:
    """What a function of the library returned.

    Raises:
        MemoryError: there was no room.
    """
    if failed:
        raise MemoryError(f"{name}: not enough memory for {threads} threads")
